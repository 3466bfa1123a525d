# SPDX-License-Identifier: Apache-2.0
"""fangs up: one host, the embedded default, supervised and drained."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

from harness.claims import unique
from harness.paths import BIN, ROOT, SCRIPTS, let_others_enter
from harness.processes import Process, free_port
from harness.wait import wait_for


class Up:
    def __init__(self, directory, *arguments):
        self.directory = directory / "data"
        self.port = free_port()
        self.process = Process("up", [BIN / "fangs", "up", "--data-dir", self.directory, "--listen",
                                      f"127.0.0.1:{self.port}", *arguments], directory / "up.log",
                               env={"FANGS_RUNNER_RUNNER_ID": unique("up")})

    def cli(self, *arguments):
        done = subprocess.run([BIN / "fangs", *arguments, "--gateway",
                               f"http://127.0.0.1:{self.port}"],
                              capture_output=True, text=True, timeout=200)
        return done

    def status(self):
        return json.loads(self.cli("status", "-o", "json").stdout)

    def wait_ready(self):
        def ready():
            status = self.status()
            return status["gateway_reachable"] and all(
                service["state"] == "ready" for service in status["services"])
        try:
            wait_for("all services ready", ready, 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.cli('status').stdout}\n"
                                 f"{self.process.tail()}") from None
        return self


@pytest.fixture
def up(tmp_path, docker):
    running = Up(let_others_enter(tmp_path))
    running.process.start()
    yield running
    if running.process.running:
        assert running.process.stop(timeout=120) == 0, running.process.tail()
    # What a killed one could not remove.
    pathlib.Path(f"/run/fangs/127.0.0.1_{running.port}.json").unlink(missing_ok=True)


def test_up_runs_everything_and_drains(up, tmp_path):
    status = up.wait_ready().status()
    names = [service["service"] for service in status["services"]]
    assert sorted(names) == sorted(["postgres", "api", "dispatcher", "differ", "notifier",
                                    "watcher", "runner"])
    assert status["database_url"].startswith("postgresql://")
    assert len(status["runners"]) == 1
    job = {"kind": "sandbox_scan", "package_name": "any-image", "version": "1.0.0",
           "sandbox": {"image": "node:20-slim", "user": "0:0",
                       "command": ["sh", "-c", "cat /etc/hostname; sleep 1"]}}
    import requests
    answer = requests.post(f"http://127.0.0.1:{up.port}/v1/scans",
                           json={"target_runner": status["runners"][0]["id"], "Job": job},
                           timeout=10)
    assert answer.status_code == 202
    run_id = answer.json()["run_id"]
    run = wait_for("the run judged", lambda: judged(up, run_id), 60)
    assert (run["state"], run["verdict"]) == ("done", "seeded"), run
    second = subprocess.run([BIN / "fangs", "up", "--data-dir", up.directory], capture_output=True,
                            text=True, timeout=20)
    assert second.returncode != 0 and "--data-dir" in second.stderr
    pids = [service["pid"] for service in status["services"]]
    assert up.process.stop(timeout=120) == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
    gone = up.cli("status")
    assert gone.returncode == 5 and f"127.0.0.1:{up.port}" in gone.stderr


def judged(up, run_id):
    run = json.loads(up.cli("run", "show", run_id[:14], "-o", "json").stdout)
    return run if run["phase"] == "judged" else None


def test_a_killed_service_is_restarted_and_nothing_survives_up(up):
    pids = {s["service"]: s["pid"] for s in up.wait_ready().status()["services"]}
    os.kill(pids["differ"], signal.SIGKILL)

    def restarted():
        states = {s["service"]: s for s in up.status()["services"]}
        return states["differ"]["pid"] not in (0, pids["differ"]) and \
            states["differ"]["state"] == "ready"
    wait_for("differ restarted", restarted, 30)
    pids = [s["pid"] for s in up.status()["services"]]
    up.process.kill()
    wait_for("no child survives", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 30)


def test_usage_errors():
    for arguments, word in [(["nonsense"], "nonsense"), (["run", "shw"], "show"),
                            (["package", "add"], "usage"), (["run", "list", "--bogus"], "bogus")]:
        done = subprocess.run([BIN / "fangs", *arguments], capture_output=True, text=True)
        assert done.returncode == 2 and word in done.stderr
    done = subprocess.run([BIN / "fangs", "run", "list", "--gateway", "http://127.0.0.1:1"],
                          capture_output=True, text=True)
    assert done.returncode == 5 and "127.0.0.1:1" in done.stderr


def test_scripts_are_clean():
    scripts = [path for path in SCRIPTS.rglob("*") if path.is_file()
               and path.read_bytes()[:2] == b"#!"]
    subprocess.run(["shellcheck", "-x", *scripts], check=True, cwd=ROOT)
