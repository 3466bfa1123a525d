# SPDX-License-Identifier: Apache-2.0
"""Dispatchers and notifiers as replicas that die: the database is their queue, nothing is lost."""
import collections
import hashlib
import hmac
import http.server
import json
import threading
import uuid

import pytest

from harness.paths import BIN
from harness.postgres import query
from harness.processes import Process
from harness.wait import wait_for


class Receiver:
    """A webhook receiver whose answers the test chooses."""

    def __init__(self):
        self.status = 200
        self.got = []  # (headers, body)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"noted")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Services:
    """Some services on one database; messages are put into the outbox as other services do."""

    def __init__(self, directory, database_url):
        self.directory = directory
        self.database_url = database_url
        self.processes = []

    def start(self, name, *arguments, **env):
        number = len(self.processes)
        process = Process(f"{name}-{number}", [BIN / f"fangs-{name}", *arguments],
                          self.directory / f"{name}-{number}.log",
                          env={"FANGS_DB_URL": self.database_url, "FANGS_METRICS_LISTEN": "",
                               "FANGS_BUS_DRIVER": "postgres", **env})
        self.processes.append(process.start())
        return process

    def wait_ready(self):
        def ready():
            rows = query(self.database_url, "SELECT count(*) FROM service_instances WHERE ready")
            return rows[0][0] >= len(self.processes)
        wait_for("all services", ready, 30)

    def sql(self, statement, parameters=None):
        return query(self.database_url, statement, parameters)

    def publish(self, topic, key, message):
        self.sql("INSERT INTO outbox (topic, partition, key, value) VALUES (%s, -1, %s, %s)",
                 (topic, key.encode(), json.dumps(message).encode()))

    def deviating_run(self, package="p", severity="crit"):
        """A judged run with one deviation, and its verdict on the bus."""
        run_id = uuid.uuid4().hex
        event = self.sql("INSERT INTO runs (id, package_name, version, state) VALUES "
                         "(%s, %s, '1.0.1', 'done') RETURNING id", (run_id, package))
        event = self.sql("INSERT INTO event_rows (run_id, ts_ns, type, data) VALUES "
                         "(%s, 1, 'exec', 'null') RETURNING id", (run_id,))[0][0]
        self.sql("INSERT INTO deviations (id, run_id, category, value, evidence_event_id, "
                 "severity, detected_at) VALUES (%s, %s, 'fs_new_path_read', "
                 "'/root/.ssh/id_rsa', %s, %s, now())", (uuid.uuid4().hex, run_id, event,
                                                         severity))
        self.publish("deviations", package, {
            "type": "verdict", "run_id": run_id, "package": package, "version": "1.0.1",
            "verdict": "deviates", "max_severity": severity, "deviation_count": 1,
            "complete": True, "judged_at": "2026-11-22T20:18:54Z"})
        return run_id

    def notifier(self, name, url, template="generic", **fields):
        columns = ", ".join(["name", "url", "template", "created_at", "updated_at", *fields])
        marks = ", ".join(["%s", "%s", "%s", "now()", "now()", *["%s"] * len(fields)])
        self.sql(f"INSERT INTO notifiers ({columns}) VALUES ({marks})",
                 (name, url, template, *fields.values()))


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def services(postgres, tmp_path):
    some = Services(tmp_path, postgres.create_database())
    yield some
    for process in some.processes:
        if process.running:
            assert process.stop() == 0, process.tail()


def test_replicas_notify_once_and_sign(services, receiver):
    services.start("dispatcher")  # relays the outbox
    for _ in range(2):
        services.start("notifier", FANGS_TEST_SECRET="topsecret")
    services.wait_ready()
    services.notifier("hook", receiver.url, secret_env="FANGS_TEST_SECRET")
    services.notifier("quiet", receiver.url, min_severity="critical")
    runs = [services.deviating_run(severity="warn") for _ in range(20)]
    wait_for("all notifications", lambda: services.sql(
        "SELECT count(*) FROM deliveries WHERE status = 'sent'") == [(20,)], 30)
    assert sorted(json.loads(body)["run_id"] for _, body in receiver.got) == sorted(runs)
    for headers, body in receiver.got:
        digest = hmac.new(b"topsecret", body, hashlib.sha256).hexdigest()
        assert headers["X-Fangs-Signature"] == f"sha256={digest}"
        assert headers["User-Agent"] == "fangs-orchestrator"
        assert headers["Content-Type"] == "application/json"
    assert services.sql("SELECT count(*) FROM notifications WHERE status = 'sent'") == [(20,)]
    assert services.sql("SELECT count(*) FROM deviations WHERE notified_at IS NULL") == [(0,)]


def test_a_delivery_survives_kill_and_restart(services, receiver):
    services.start("dispatcher")
    notifier = services.start("notifier", "--backoff", "300ms", "--attempts", "20")
    services.wait_ready()
    services.notifier("hook", receiver.url)
    receiver.status = 503
    run = services.deviating_run()
    wait_for("failed attempts", lambda: len(receiver.got) >= 2, 20)
    notifier.kill()
    receiver.status = 204
    # What it had in hand is claimed until well after the request's own deadline.
    services.sql("UPDATE deliveries SET claimed_until = NULL")
    notifier.start()
    wait_for("the notification", lambda: services.sql(
        "SELECT status FROM deliveries WHERE run_id = %s", (run,)) == [("sent",)], 30)
    assert len({body for _, body in receiver.got}) == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    history = services.sql("SELECT attempt, status FROM notifications ORDER BY attempt")
    assert history[-1][1] == "sent"
    assert [status for _, status in history[:-1]] == ["failed"] * (len(history) - 1)


def test_redirects_are_not_followed(services, receiver):
    services.start("dispatcher")
    services.start("notifier", "--attempts", "1")
    services.wait_ready()
    services.notifier("hook", receiver.url)
    receiver.status = 307
    services.deviating_run()
    wait_for("the attempt", lambda: services.sql(
        "SELECT status, response_code FROM notifications") == [("failed", 307)], 20)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("text,expected", [
    ("", "is empty"),
    ("[{}]", "entry 1: name/url/template are required"),
    ('[{"name":"a","url":"http://example.test/","template":"slack"}]', "plain http"),
])
def test_a_bad_notifiers_file_is_one_clear_line(services, text, expected):
    path = services.directory / "notifiers.json"
    path.write_text(text)
    process = services.start("notifier", "--file", path)
    wait_for("its end", lambda: not process.running, 20)
    assert process.popen.returncode == 1
    lines = [json.loads(line) for line in process.log().splitlines()]
    errors = [line for line in lines if line["level"] == "error"]
    assert len(errors) == 1 and expected in errors[0]["error"] and str(path) in errors[0]["error"]


def test_releases_become_runs_once_while_dispatchers_die(services):
    dispatchers = [services.start("dispatcher") for _ in range(2)]
    services.wait_ready()
    for number in range(3):
        services.sql("INSERT INTO runners (id, slots) VALUES (%s, 1000)", (f"r{number}",))
    names = [f"package-{number}" for number in range(100)]
    for position, name in enumerate(names):
        for _ in range(2):  # the bus delivers at least once
            services.publish("releases", name, {"package": name, "version": "1.0.0"})
        services.sql("NOTIFY fangs_outbox")
        if position % 25 == 24:
            dispatchers[position % 2].kill()
            dispatchers[position % 2].start()
    wait_for("all placed", lambda: services.sql(
        "SELECT count(*) FROM runs WHERE phase = 'leased'") == [(100,)], 60)
    runs = services.sql("SELECT package_name FROM runs")
    assert collections.Counter(name for (name,) in runs) == collections.Counter(names)
    assert services.sql("SELECT count(*), count(DISTINCT run_id) FROM run_attempts "
                        "WHERE attempt = 1") == [(100, 100)]


def test_a_silent_runner_loses_its_runs_until_they_fail(services):
    services.start("dispatcher", "--lease", "1s", "--backoff", "100ms", "--attempts", "3")
    services.wait_ready()
    services.sql("INSERT INTO runners (id, slots) VALUES ('silent', 10)")
    services.publish("releases", "p", {"package": "p", "version": "1.0.0"})
    wait_for("the end of the last attempt", lambda: services.sql(
        "SELECT attempt, phase FROM runs") == [(3, "finished")], 40)
    rows = services.sql("SELECT attempt, outcome, wire_id = run_id FROM run_attempts "
                        "ORDER BY attempt")
    assert rows == [(1, "expired", True), (2, "expired", False), (3, "expired", False)]
    results = services.sql("SELECT count(*) FROM bus_messages WHERE topic = 'events'")
    assert results == [(1,)]


def test_a_poisoned_release_blocks_nothing(services):
    services.start("dispatcher")
    services.wait_ready()
    services.publish("releases", "p", {"package": "p; reboot", "version": "1.0.0"})
    services.publish("releases", "p", {"package": "p", "version": "1.0.0"})
    wait_for("the good one", lambda: services.sql("SELECT package_name FROM runs") == [("p",)], 20)
    reason = services.sql("SELECT reason FROM dead_letters WHERE topic = 'releases'")[0][0]
    assert "p; reboot" in reason
