# SPDX-License-Identifier: Apache-2.0
"""The watcher against a registry that misbehaves in every way a registry can."""
import collections
import hashlib
import http.server
import json
import threading
import urllib.parse

import pytest

from harness.paths import BIN
from harness.postgres import query
from harness.processes import Process
from harness.wait import wait_for

SHASUM = "0123456789abcdef0123456789abcdef01234567"


def packument(name, version, **changes):
    document = {
        "name": name,
        "dist-tags": {"latest": version},
        "versions": {version: {"name": name, "version": version, "dist": {
            "tarball": f"https://registry.test/{name}/-/{version}.tgz", "shasum": SHASUM,
            "integrity": "sha512-abc"}}},
        "time": {"created": "2026-01-01T00:00:00.000Z", version: "2026-11-22T20:18:54.819Z"},
    }
    document.update(changes)
    return document


class FakeRegistry:
    """Answers from `documents`; `overrides` puts a (status, headers, body) in front of a name."""

    def __init__(self):
        self.documents = {}
        self.overrides = {}
        self.requests = collections.Counter()  # (name, answered status)
        self.raw_paths = []
        self.lock = threading.Lock()
        self.most_at_once = collections.Counter()
        self.active = collections.Counter()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def count(self, name, status=None):
        with self.lock:
            return sum(n for (asked, code), n in self.requests.items()
                       if asked == name and status in (None, code))

    def answer(self, name, etag_sent):
        if name in self.overrides:
            return self.overrides[name]
        if name not in self.documents:
            return 404, {}, b'{"error":"Not found"}'
        body = json.dumps(self.documents[name]).encode()
        etag = '"' + hashlib.sha1(body).hexdigest() + '"'
        if etag_sent == etag:
            return 304, {"ETag": etag}, b""
        return 200, {"ETag": etag, "Content-Type": "application/json"}, body

    def _handler(registry):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                name = urllib.parse.unquote(self.path[1:])
                with registry.lock:
                    registry.raw_paths.append(self.path)
                    registry.active[name] += 1
                    registry.most_at_once[name] = max(registry.most_at_once[name],
                                                      registry.active[name])
                status, headers, body = registry.answer(name, self.headers.get("If-None-Match"))
                with registry.lock:
                    registry.requests[name, status] += 1
                    registry.active[name] -= 1
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        return Handler


class Watching:
    def __init__(self, directory, database_url, registry):
        self.directory = directory
        self.database_url = database_url
        self.registry = registry
        self.processes = []

    def start(self, *arguments, database_url=None):
        process = Process("watcher", [BIN / "fangs-watcher", "--registry", self.registry.url,
                                      *arguments], self.directory / "watcher.log",
                          env={"FANGS_DB_URL": database_url or self.database_url,
                               "FANGS_METRICS_LISTEN": "", "FANGS_BUS_DRIVER": "postgres"})
        self.processes.append(process.start())
        wait_for("the schema", lambda: self.sql("SELECT to_regclass('package_polls') IS NOT NULL "
                                                "AND to_regclass('bus_messages') IS NOT NULL")
                 == [(True,)])
        return process

    def sql(self, statement, parameters=None):
        return query(self.database_url, statement, parameters)

    def add(self, *names):
        for name in names:
            self.sql("INSERT INTO packages (name, added_at) VALUES (%s, now())", (name,))

    def published(self):
        """What arrived on the `releases` topic."""
        rows = self.sql("SELECT key, value FROM bus_messages WHERE topic = 'releases' "
                        "ORDER BY created_at")
        return [(bytes(key).decode(), json.loads(bytes(value))["version"]) for key, value in rows]

    def poll_now(self):
        self.sql("UPDATE package_polls SET next_poll_at = now()")
        self.sql("NOTIFY fangs_packages")

    def state(self, name):
        rows = self.sql("SELECT failures, last_error, registry_state, "
                        "EXTRACT(EPOCH FROM next_poll_at - now())::float FROM package_polls "
                        "WHERE package_name = %s", (name,))
        return rows[0] if rows else (0, "", "", 0)

    def seen(self, name):
        return self.sql("SELECT last_seen_version FROM packages WHERE name = %s", (name,))[0][0]


@pytest.fixture
def registry():
    server = FakeRegistry()
    yield server
    server.close()


@pytest.fixture
def watching(postgres, tmp_path, registry):
    watch = Watching(tmp_path, postgres.create_database(), registry)
    yield watch
    for process in watch.processes:
        if process.running:
            assert process.stop() == 0, process.tail()


def test_a_first_version_and_its_successor_are_announced(watching, registry):
    registry.documents["left-pad"] = packument("left-pad", "1.0.0")
    watching.start("--watcher-interval", "5m")
    watching.add("left-pad")  # wakes the watcher: nothing waits for five minutes
    wait_for("the release", lambda: watching.published() == [("left-pad", "1.0.0")], 15)
    assert watching.seen("left-pad") == "1.0.0"
    row = watching.sql("SELECT tarball_sha256, npm_integrity, published_at::text, tarball_url "
                       "FROM releases")[0]
    assert row[0] == SHASUM and row[1] == "sha512-abc"
    assert row[2].startswith("2026-11-22 ") and row[3].endswith("/1.0.0.tgz")

    registry.documents["left-pad"] = packument("left-pad", "1.0.1")
    watching.poll_now()
    wait_for("the next release",
             lambda: watching.published() == [("left-pad", "1.0.0"), ("left-pad", "1.0.1")], 15)


def test_unchanged_packages_cost_nothing(watching, registry):
    registry.documents["quiet"] = packument("quiet", "1.0.0")
    watching.start("--watcher-interval", "200ms")
    watching.add("quiet")
    wait_for("conditional polls", lambda: registry.count("quiet", 304) >= 3, 20)
    assert registry.count("quiet", 200) == 1
    assert watching.published() == [("quiet", "1.0.0")]


def test_scoped_names_are_one_path_segment(watching, registry):
    registry.documents["@scope/name"] = packument("@scope/name", "2.0.0")
    watching.start()
    watching.add("@scope/name")
    wait_for("the release", lambda: watching.published() == [("@scope/name", "2.0.0")], 15)
    assert registry.raw_paths[0] == "/@scope%2fname"


def test_failures_back_off_and_change_nothing(watching, registry):
    registry.overrides["broken"] = (500, {}, b"\xff\x00 internal <error>")
    registry.overrides["html"] = (200, {}, b"<html>captive portal</html>")
    registry.documents["fine"] = packument("fine", "1.0.0")
    watching.start("--watcher-interval", "300ms")
    watching.add("broken", "html", "gone", "fine")
    wait_for("three failures", lambda: watching.state("broken")[0] >= 3, 30)
    assert "500" in watching.state("broken")[1]
    wait_for("a state", lambda: watching.state("gone")[2] == "not_found", 15)
    wait_for("an error", lambda: "bad registry document" in watching.state("html")[1], 15)
    wait_for("the good one", lambda: watching.published() == [("fine", "1.0.0")], 15)
    rows = watching.sql("SELECT name FROM packages WHERE last_checked_at IS NULL AND "
                        "last_seen_version IS NULL ORDER BY name")
    assert rows == [("broken",), ("gone",), ("html",)]

    registry.overrides.clear()
    registry.documents["broken"] = packument("broken", "3.0.0")
    watching.poll_now()
    wait_for("recovery", lambda: watching.seen("broken") == "3.0.0", 15)
    assert watching.state("broken")[:2] == (0, "")


def test_a_throttling_registry_is_left_alone(watching, registry):
    registry.overrides["busy"] = (429, {"Retry-After": "3"}, b"")
    watching.start("--watcher-interval", "100ms")
    watching.add("busy")
    wait_for("the first answer", lambda: registry.count("busy", 429) == 1, 15)
    registry.documents["other"] = packument("other", "1.0.0")
    watching.add("other")
    wait_for("the hold to be recorded", lambda: watching.state("busy")[3] > 1, 15)
    assert registry.count("other") == 0
    registry.overrides.clear()
    registry.documents["busy"] = packument("busy", "1.0.0")
    wait_for("both after the hold",
             lambda: sorted(watching.published()) == [("busy", "1.0.0"), ("other", "1.0.0")], 20)


def test_held_and_unpublished_packages_are_a_state(watching, registry):
    registry.documents["held"] = packument("held", "0.0.1-security")
    registry.documents["left"] = {"name": "left", "time": {
        "created": "x", "unpublished": {"time": "x", "versions": ["1.0.0"]}}}
    watching.start()
    watching.add("held", "left")
    wait_for("both states", lambda: (watching.state("held")[2], watching.state("left")[2])
             == ("security_held", "unpublished"), 15)
    assert watching.published() == []
    assert watching.seen("held") is None
    assert watching.state("held")[0] == 0


def test_a_version_that_would_be_a_command_is_refused(watching, registry):
    registry.documents["evil"] = packument("evil", "1.0.0; touch /tmp/pwned")
    watching.start()
    watching.add("evil")
    wait_for("the error", lambda: "latest" in watching.state("evil")[1], 15)
    assert watching.published() == []


def test_an_endless_document_is_cut_off(watching, registry):
    registry.overrides["huge"] = (200, {}, b'{"x":"' + b"a" * (1 << 20) + b'"}')
    watching.start("--body-max", "128k")
    watching.add("huge")
    wait_for("the error", lambda: "too large" in watching.state("huge")[1], 15)


def test_replicas_share_the_work(watching, registry):
    names = [f"package-{i}" for i in range(40)]
    for name in names:
        registry.documents[name] = packument(name, "1.0.0")
    for _ in range(3):
        watching.start("--watcher-interval", "1h", "--parallel", "3")
    watching.add(*names)
    wait_for("all releases", lambda: len(watching.published()) == len(names), 30)
    assert sorted(watching.published()) == sorted((name, "1.0.0") for name in names)
    assert max(registry.most_at_once.values()) == 1
    assert all(registry.count(name) == 1 for name in names)


def test_a_crash_neither_loses_nor_doubles(watching, registry):
    """kill -9 again and again while releases come in."""
    names = [f"package-{i}" for i in range(30)]
    for name in names:
        registry.documents[name] = packument(name, "1.0.0")
    process = watching.start("--watcher-interval", "200ms", "--timeout", "1s")
    watching.add(*names)
    for round_number in range(1, 6):
        wait_for("some releases", lambda n=round_number: len(watching.published()) >= 4 * n, 30)
        process.kill()
        process.start()
    # A claim of the dead outlives it for a while; the test does not wait that long.
    watching.sql("UPDATE package_polls SET next_poll_at = now() WHERE next_poll_at > now() + "
                 "interval '5 seconds'")
    wait_for("all of them", lambda: all(watching.seen(name) == "1.0.0" for name in names), 30)
    wait_for("all on the bus", lambda: {name for name, _ in watching.published()} == set(names),
             15)
    assert watching.sql("SELECT count(*) FROM releases")[0][0] == len(names)
    # The relay may repeat what it had published when it died, nothing else may.
    assert len(watching.published()) <= len(names) + 5 * 100


def test_the_registry_url_is_checked_at_start(watching, registry):
    process = watching.start()
    assert process.stop() == 0
    registry.url = "registry.test"
    bad = Process("watcher", [BIN / "fangs-watcher", "--registry", "registry.test"],
                  watching.directory / "bad.log",
                  env={"FANGS_DB_URL": watching.database_url, "FANGS_METRICS_LISTEN": ""}).start()
    wait_for("its end", lambda: not bad.running, 15)
    assert bad.popen.returncode == 1
    assert "http://" in bad.log() and "registry.test" in bad.log()


def test_a_database_outage_is_survived(watching, registry, postgres):
    registry.documents["p"] = packument("p", "1.0.0")
    process = watching.start("--watcher-interval", "300ms")
    watching.add("p")
    wait_for("the release", lambda: watching.published() == [("p", "1.0.0")], 15)
    watching.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                 "current_database() AND pid <> pg_backend_pid()")
    registry.documents["p"] = packument("p", "1.0.1")
    wait_for("the next one", lambda: ("p", "1.0.1") in watching.published(), 20)
    assert process.running
