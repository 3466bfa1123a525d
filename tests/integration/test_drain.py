# SPDX-License-Identifier: Apache-2.0
"""SIGTERM to a runner in the middle of a scan: it ends in time, or is handed back and done again."""
import http.server
import json
import threading

import pytest

from harness.claims import unique
from harness.paths import BIN
from harness.processes import Process
from harness.wait import wait_for

TRANSPORTS = pytest.mark.parametrize("bus,transport", [("postgres", "http"), ("kafka", "kafka")])
# Half of it is for the scan to end by itself, half for removing the sandbox and saying goodbye.
SHORT_DRAIN = {"FANGS_SERVICE_DRAIN_TIMEOUT": "6s"}
LONG_SCAN_S, SHORT_SCAN_S = 15, 4


def sleeping_job(seconds):
    return {"kind": "sandbox_scan", "package_name": "sleeper", "version": "1.0.0",
            "duration": 60 * 10**9, "watched_paths": [{"prefix": "/etc/"}],
            "sandbox": {"image": "node:20-slim",
                        "command": ["sh", "-c", f"cat /etc/passwd; sleep {seconds}"]}}


def start_scan(stack, seconds):
    """Queues a scan; back once it runs and has been seen to do something."""
    answer = stack.post("/v1/scans", {"target_runner": "*", "Job": sleeping_job(seconds)})
    assert answer.status_code == 202, answer.text
    stack.wait_for("the scan under way", lambda: stack.sql(
        "SELECT 1 FROM run_progress WHERE events_stored > 0"), step=0.02)


def attempts(stack):
    return stack.sql("SELECT attempt, outcome FROM run_attempts ORDER BY attempt")


@TRANSPORTS
def test_a_scan_longer_than_the_drain_time_is_done_again(bus, transport, make_stack, docker):
    stack = make_stack(bus=bus, transport=transport, extra_env=SHORT_DRAIN)
    start_scan(stack, LONG_SCAN_S)
    runner = stack.processes["runner-0"]
    assert runner.stop() == 0, runner.tail()
    # At once, not when the lease has run out.
    stack.wait_for("the run in the queue", lambda: stack.sql(
        "SELECT attempt, not_before <= now() FROM runs WHERE phase = 'queued'") == [(2, True)], 5)
    assert attempts(stack) == [(1, "handed_back")]

    runner.start()
    run = stack.wait_judged("sleeper", "1.0.0")
    assert run["state"] == "done" and run["complete"] and run["attempt"] == 2, run
    assert attempts(stack) == [(1, "handed_back"), (2, "result")]


@TRANSPORTS
def test_a_handed_back_run_goes_to_another_runner(bus, transport, make_stack, docker):
    stack = make_stack(bus=bus, transport=transport, extra_env=SHORT_DRAIN, counts={"runner": 2})
    start_scan(stack, LONG_SCAN_S)
    first = stack.sql("SELECT runner_id FROM runs")[0][0]
    assert stack.processes[f"runner-{first[-1]}"].stop() == 0

    run = stack.wait_judged("sleeper", "1.0.0")
    assert run["state"] == "done" and run["complete"] and run["attempt"] == 2, run
    assert run["runner_id"] != first


@TRANSPORTS
def test_a_scan_that_ends_within_the_drain_time_is_not_done_again(bus, transport, make_stack,
                                                                  docker):
    stack = make_stack(bus=bus, transport=transport,
                       extra_env={"FANGS_SERVICE_DRAIN_TIMEOUT": "60s"})
    start_scan(stack, SHORT_SCAN_S)
    runner = stack.processes["runner-0"]
    assert runner.stop(timeout=60) == 0, runner.tail()

    run = stack.wait_judged("sleeper", "1.0.0")
    assert run["state"] == "done" and run["complete"] and run["attempt"] == 1, run
    assert attempts(stack) == [(1, "result")]


class ForeignServer:
    """A /v1 server which knows nothing of our extensions and has one job."""

    RUN_ID = "0102030405060708090a0b0c0d0e0f10"

    def __init__(self):
        self.job = {"run_id": list(bytes.fromhex(self.RUN_ID)), **sleeping_job(LONG_SCAN_S)}
        self.results = []
        self.events = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                job, outer.job = outer.job, None
                self.answer(200 if job else 204, job)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/result"):
                    outer.results.append((self.path, json.loads(body)))
                elif self.path.endswith("/events"):
                    outer.events += 1
                self.answer(200, {"ok": True})

            def answer(self, status, body):
                data = json.dumps(body).encode() if body else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_foreign_server_is_told_that_the_runner_stopped(docker, tmp_path):
    server = ForeignServer()
    runner = Process("runner", [BIN / "fangs-runner", "--gateway", server.url, "--runner-id",
                                unique("drained")], tmp_path / "log",
                     env={**SHORT_DRAIN, "FANGS_METRICS_LISTEN": ""}).start()
    try:
        wait_for("events", lambda: server.events, 60)
        assert runner.stop() == 0, runner.tail()
        [(path, result)] = server.results
        assert path == f"/v1/runs/{server.RUN_ID}/result"
        assert result["status"] == "failed" and result["reason"] == "runner stopped", result
    finally:
        if runner.running:
            runner.kill()
        server.stop()
