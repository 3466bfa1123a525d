# SPDX-License-Identifier: Apache-2.0
"""The configuration as users meet it: the example file, help, precedence."""
import subprocess

import pytest

from harness.paths import BIN, ROOT

SERVICES = ["api", "dispatcher", "differ", "notifier", "watcher", "runner"]


def run(service, *arguments, env=None):
    return subprocess.run([BIN / f"fangs-{service}", *arguments], capture_output=True, text=True,
                          timeout=20, env={"PATH": "/usr/bin:/bin", **(env or {})})


@pytest.mark.parametrize("service", SERVICES)
def test_the_example_file_fits_every_service(service):
    done = run(service, "--config", ROOT / "deploy" / "fangs.example.yaml", "--check-config")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_help_names_flag_environment_and_default(service):
    done = run(service, "--help")
    assert done.returncode == 0
    assert "--log-format" in done.stdout and "FANGS_LOG_FORMAT" in done.stdout
    assert "default:" in done.stdout
    assert "| Key | Flag |" in run(service, "--help-markdown").stdout
    assert run(service, "--version").returncode == 0


def printed_interval(*arguments, env=None):
    done = run("watcher", *arguments, "--print-config", env=env)
    assert done.returncode == 0, done.stderr
    return next(line for line in done.stdout.splitlines() if "interval" in line)


def test_flag_over_environment_over_file_over_default(tmp_path):
    file = tmp_path / "fangs.yaml"
    file.write_text("watcher:\n  interval: 1m\n")
    env = {"FANGS_WATCHER_INTERVAL": "2m"}
    assert "5m" in printed_interval()
    assert "1m" in printed_interval("--config", file)
    assert "2m" in printed_interval("--config", file, env=env)
    assert "3m" in printed_interval("--config", file, "--watcher-interval", "3m", env=env)


def test_secrets_are_not_printed(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("hunter2\n")
    done = run("watcher", "--registry-token", f"@{secret}", "--print-config")
    assert done.returncode == 0 and "hunter2" not in done.stdout


def test_values_that_do_not_fit_together_are_refused_by_the_check():
    done = run("api", "--listen", "0.0.0.0:8443", "--check-config")
    assert done.returncode != 0 and "--insecure" in done.stderr
    assert run("api", "--listen", "0.0.0.0:8443", "--help").returncode == 0


@pytest.mark.parametrize("service", SERVICES)
def test_versions_agree(service):
    assert run(service, "--version").stdout.split()[1] == \
        subprocess.run([BIN / "fangs", "--version"], capture_output=True,
                       text=True).stdout.split()[1]
