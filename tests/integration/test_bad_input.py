# SPDX-License-Identifier: Apache-2.0
"""Bad input gives one clear line (what, where, what to do) and loses nothing."""
import json
import subprocess

import pytest

from harness.paths import BIN
from harness.processes import Process, free_port, refusing_port
from harness.wait import wait_for

SERVICES = ["api", "dispatcher", "differ", "notifier", "watcher", "runner"]


def entries(log):
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def warnings(process):
    return [entry for entry in entries(process.log()) if entry["level"] in ("warn", "error")]


@pytest.mark.parametrize("service", SERVICES)
def test_unknown_configuration_key_names_file_and_line(service, tmp_path):
    file = tmp_path / "fangs.yaml"
    file.write_text(f"# comment\n{service}:\n  no_such_key: 1\n")
    done = subprocess.run([BIN / f"fangs-{service}", "--config", file], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode != 0
    assert f"{file}:3" in done.stderr and "no_such_key" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_unknown_flag(service):
    done = subprocess.run([BIN / f"fangs-{service}", "--no-such-flag"], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode != 0 and "--no-such-flag" in done.stderr


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "runner"])
def test_a_late_database_is_waited_for(service, tmp_path):
    with refusing_port() as port:
        env = {"FANGS_DB_URL": f"postgresql://fangs@127.0.0.1:{port}/none",
               "FANGS_METRICS_LISTEN": "", "FANGS_API_LISTEN": f"127.0.0.1:{free_port()}"}
        process = Process(service, [BIN / f"fangs-{service}"], tmp_path / "log", env=env).start()
        wait_for("a warning about the database", lambda: warnings(process), 15)
        assert str(port) in warnings(process)[0]["error"]
        assert process.running
        assert process.stop() == 0


def test_a_late_broker_is_waited_for(make_stack):
    with refusing_port() as port:
        stack = make_stack(bus="kafka", brokers=f"127.0.0.1:{port}", start=False)
        differ = stack.processes["differ-0"].start()
        stack.wait_for("a warning about the broker", lambda: warnings(differ), 30)
        assert str(port) in warnings(differ)[0]["error"]
        assert differ.running


def test_missing_docker_socket(make_stack, tmp_path):
    stack = make_stack(start=False, extra_env={"FANGS_RUNNER_DOCKER_SOCKET": str(tmp_path / "no")})
    for key in ("api-0", "runner-0"):
        stack.processes[key].start()
    runner = stack.processes["runner-0"]
    wait_for("a line about the socket",
             lambda: any(str(tmp_path / "no") in entry.get("error", "")
                         for entry in warnings(runner)), 30)


def test_missing_image_fails_the_run_with_its_name(make_stack, docker):
    stack = make_stack(extra_env={"FANGS_DISPATCHER_ATTEMPTS": "1"})
    job = {"kind": "sandbox_scan", "package_name": "no-image", "version": "1.0.0",
           "sandbox": {"image": "localhost/no-such-image:1", "pull_policy": "never",
                       "command": ["true"]}}
    answer = stack.post("/v1/scans", {"target_runner": "*", "Job": job})
    assert answer.status_code == 202
    run = stack.wait_judged("no-image", "1.0.0")
    assert run["state"] == "failed" and "no-such-image" in run["failure_reason"]
    assert run["verdict"] == "incomplete" and not run["is_baseline"]


@pytest.mark.parametrize("body,expected", [
    ("{", "decode body"),
    ('{"target_runner":"*","Job":{"duration":"10s"}}', "duration"),
    ('{"target_runner":"*","Job":{"run_id":"abc"}}', "run_id"),
    ('{"Job":{}}', "missing target_runner"),
])
def test_malformed_scan_request(make_stack, body, expected):
    stack = make_stack(counts={"runner": 0})
    import requests
    answer = requests.post(f"{stack.gateway()}/v1/scans", data=body, timeout=10,
                           headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and expected in answer.json()["error"]
    assert stack.sql("SELECT count(*) FROM runs") == [(0,)]


def test_malformed_kafka_message_is_kept_and_blocks_nothing(make_stack, kafka, registry, package):
    stack = make_stack(bus="kafka", transport="kafka", registry_url=registry.url)
    for topic in ("releases", "events", "deviations"):
        subprocess.run(["kcat", "-b", kafka.brokers, "-P", "-t", f"{stack.topic_prefix}{topic}",
                        "-k", package.name], input=b"\xff not a message", check=True)
    wait_for("the dead letters",
             lambda: stack.sql("SELECT count(*) FROM dead_letters")[0][0] == 3, 60)
    rows = stack.sql("SELECT topic, reason, value FROM dead_letters ORDER BY topic")
    assert [row[0] for row in rows] == ["deviations", "events", "releases"]
    assert all(row[1] and bytes(row[2]) == b"\xff not a message" for row in rows)
    package.release("1.0.0")
    stack.watch(package.name)
    assert stack.wait_judged(package.name, "1.0.0")["verdict"] == "seeded"


def test_malformed_job_on_a_runners_partition_is_skipped(make_stack, kafka, registry, package):
    stack = make_stack(bus="kafka", transport="kafka", registry_url=registry.url)
    partition = stack.sql("SELECT jobs_partition FROM runners")[0][0]
    subprocess.run(["kcat", "-b", kafka.brokers, "-P", "-t", f"{stack.topic_prefix}jobs", "-p",
                    str(partition)], input=b'{"run_id": "not an array"}', check=True)
    runner = stack.processes["runner-0"]
    stack.wait_for("a line about the job",
                   lambda: [e for e in warnings(runner) if "run_id" in e.get("error", "")])
    package.release("1.0.0")
    stack.watch(package.name)
    assert stack.wait_judged(package.name, "1.0.0")["verdict"] == "seeded"


def test_kernel_without_btf(tmp_path):
    hidden = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\""
    done = subprocess.run(["unshare", "-m", "sh", "-c", hidden, "sh", BIN / "fangs-runner"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    errors = [entry for entry in entries(done.stderr) if entry["level"] == "error"]
    assert len(errors) == 1 and "BTF" in json.dumps(errors[0])


def test_a_failed_install_is_a_failed_run(make_stack, registry):
    stack = make_stack(registry_url=registry.url, extra_env={"FANGS_DISPATCHER_ATTEMPTS": "1"})
    run = stack.cli("scan", "submit", "--package", "fangs-no-such-package", "--version", "9.9.9",
                    "--wait", "-o", "json", check=False)
    run = json.loads(run.stdout)
    assert run["state"] == "failed" and "npm" in run["failure_reason"]
    assert not run["is_baseline"]
