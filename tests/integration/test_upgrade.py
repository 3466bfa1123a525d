# SPDX-License-Identifier: Apache-2.0
"""A database of the existing system, with its data, that our services take over in place."""
import contextlib
import json
import time

import psycopg2.extras
import pytest
import requests

import reference_rules
from harness.existing_cli import MIGRATIONS, ExistingCli
from harness.postgres import query
from harness.stack import Stack
from test_replay import batches, recorded, send_as_recorded

# One installation for all of them.
pytestmark = pytest.mark.xdist_group("upgrade")

ROLE = "upgraded_cli"
PACKAGE = "delta-demo"
NPM_CACHE = "/root/.npm/_cacache/"
SEEDED, PENDING, FAILED, QUEUED, ADHOC = (f"{n:02x}" * 16 for n in range(0xa1, 0xa6))
OTHER_STATES = {f"{n:02x}" * 16: state for n, state in
                enumerate(("building", "sandboxed", "analyzed"), 0xb1)}
NAMES = {1: "file_access", 2: "exec", 3: "net_connect", 4: "dns_query", 5: "tls_sni"}
# Yesterday: old events are pruned, as the existing system does it.
ARRIVED_NS = time.time_ns() - 24 * 3600 * 10**9
TABLES = {
    "packages": "name, added_at, last_checked_at, last_seen_version",
    "releases": "package_name, version, tarball_sha256, npm_integrity, published_at, discovered_at",
    "runs": "id, package_name, version, tarball_sha256, lockfile_sha256, node_version, "
            "npm_version, state, attempt, is_baseline, started_at, finished_at, failure_reason, "
            "events_emitted, events_dropped, duration_ns",
    "events": "id, run_id, ts_ns, type, data::text",
    "baseline_fingerprints": "package_name, category, value, first_seen_run_id, "
                             "last_seen_run_id, occurrence_count",
    "deviations": "id, run_id, category, value, evidence_event_id, severity, detected_at, "
                  "notified_at, suppressed",
    "notifiers": "name, url, template, secret_env, headers, min_severity, enabled, created_at, "
                 "updated_at",
    "notifications": "id, run_id, notifier_name, attempt, status, last_attempted_at, "
                     "next_attempt_at, response_code, response_body, error_msg, deviation_count, "
                     "created_at",
    "allowlists": "id, scope, package_name, kind, value, note, created_at",
}


def recorded_events(version):
    return [event for line in batches(version) for event in json.loads(line)["events"]]


def insert(url, table, columns, rows):
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, \
            connection.cursor() as cursor:
        psycopg2.extras.execute_values(
            cursor, f"INSERT INTO {table} ({columns}) VALUES %s", rows, page_size=500)


def add_run(url, run_id, state, version="", package=PACKAGE, **columns):
    columns = {"id": run_id, "package_name": package, "version": version, "state": state,
               "started_at": "2026-01-02T03:04:05.678901Z", **columns}
    insert(url, "runs", ", ".join(columns), [tuple(columns.values())])


def add_events(url, run_id, events):
    """As the existing system stores them: the whole payload, keys sorted, arrival times."""
    insert(url, "events", "run_id, ts_ns, type, data",
           [(run_id, ARRIVED_NS + number // 100, NAMES.get(event["type"], "unknown"),
             json.dumps(event["payload"])) for number, event in enumerate(events)])


def add_baseline(url):
    found = reference_rules.fingerprints([{"events": recorded_events("1.0.0")}])
    insert(url, "baseline_fingerprints", TABLES["baseline_fingerprints"],
           [(PACKAGE, category, value, SEEDED, SEEDED, count)
            for (category, value), count in found.items()])


def add_deviations(url):
    """What 1.0.1 did and 1.0.0 did not, each with its first event."""
    known = set(query(url, "SELECT category, value FROM baseline_fingerprints"))
    events = query(url, "SELECT id, type, data FROM events WHERE run_id = %s ORDER BY ts_ns, id",
                   (PENDING,))
    kinds = {name: number for number, name in NAMES.items()}
    first = {}
    for event_id, kind, data in events:
        found = reference_rules.fingerprint({"type": kinds.get(kind), "payload": data})
        if found and found not in known:
            first.setdefault(found, event_id)
    insert(url, "deviations", "id, run_id, category, value, evidence_event_id, severity, "
           "detected_at, suppressed",
           [(f"{number:032x}", PENDING, category, value, event_id, "warn",
             "2026-01-02T03:05:00Z", False)
            for number, ((category, value), event_id) in enumerate(first.items(), 1)])
    return len(first)


def fill(url):
    insert(url, "packages", TABLES["packages"],
           [(PACKAGE, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "1.0.1"),
            ("@scope/never-seen", "2026-01-01T00:00:00Z", None, None)])
    insert(url, "releases", TABLES["releases"],
           [(PACKAGE, "1.0.1", "a" * 40, "", "0001-01-01T00:00:00Z", "2026-01-02T00:00:00Z")])
    add_run(url, SEEDED, "done", "1.0.0", is_baseline=True, events_emitted=1)
    add_run(url, PENDING, "done", "1.0.1", finished_at="2026-01-02T03:04:59Z")
    add_run(url, FAILED, "failed", "0.9.0", failure_reason="pull: no such image", duration_ns=5)
    add_run(url, QUEUED, "pending", "1.0.2")
    add_run(url, ADHOC, "done", package="")
    for run_id, state in OTHER_STATES.items():
        add_run(url, run_id, state, state, package="other")
    add_events(url, SEEDED, recorded_events("1.0.0"))
    add_events(url, PENDING, recorded_events("1.0.1"))
    add_events(url, ADHOC, [{"type": 9, "payload": None}, {"type": 9, "payload": [1, "x"]},
                            {"type": 1, "payload": {"PathName": 5, "n": 9007199254740992}}])
    add_baseline(url)
    insert(url, "notifiers", TABLES["notifiers"],
           [("hook", "http://127.0.0.1:9/", "generic", None, '{"X-A":"b"}', "high", False,
             "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("odd", "http://127.0.0.1:9/", "no-such-template", "SECRET", None, None, False,
             "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")])
    insert(url, "notifications", TABLES["notifications"],
           [("0123456789abcdef-1", PENDING, "hook", 1, "failed", "2026-01-02T03:05:01Z",
             "2026-01-02T03:05:02Z", 0, None, "refused", 3, "2026-01-02T03:05:00Z"),
            ("0123456789abcdef-2", PENDING, "hook", 2, "sent", "2026-01-02T03:05:02Z", None, 200,
             "ok", None, 3, "2026-01-02T03:05:00Z")])
    insert(url, "allowlists", TABLES["allowlists"],
           [("00aa", "global", None, "path", "/no/such/prefix/", "", "2026-01-01T00:00:00Z"),
            ("00bb", "package", PACKAGE, "cidr", "198.51.100.0/24", "", "2026-01-01T00:00:00Z"),
            ("00cc", "package", PACKAGE, "sni", "allowed.test", "n", "2026-01-01T00:00:00Z")])
    return add_deviations(url)


def contents(url):
    return {table: query(url, f"SELECT {columns} FROM {table} ORDER BY {columns}")
            for table, columns in TABLES.items()}


def grant(url):
    """Rights as they were given while only the existing system knew the database."""
    query(url, f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; "
               "END $$")
    query(url, f"GRANT USAGE, CREATE ON SCHEMA public TO {ROLE}")
    query(url, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}")
    query(url, f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")


@pytest.fixture(scope="module")
def taken_over(postgres, tmp_path_factory):
    """(installation, what was there before, its number of deviations); started twice."""
    url = postgres.create_database()
    with contextlib.closing(ExistingCli(url)) as cli:
        assert cli.migrate() == []
    assert [row[0] for row in query(url, "SELECT version FROM schema_migrations ORDER BY 1")] == \
        [file.stem for file in sorted(MIGRATIONS.glob("0*.sql"))]
    deviations = fill(url)
    grant(url)
    before = contents(url)
    stack = Stack(tmp_path_factory.mktemp("upgrade"), url,
                  counts={"runner": 0, "watcher": 0, "notifier": 0},
                  extra_env={"FANGS_DIFFER_EVENTS_RETENTION": "0"})  # these are old
    stack.start()
    assert set(stack.stop().values()) == {0}
    stack.start()
    yield stack, before, deviations
    assert set(stack.stop().values()) == {0}


@pytest.fixture(scope="module")
def cli(taken_over):
    url = taken_over[0].database_url.replace("fangs@", f"{ROLE}@")
    with contextlib.closing(ExistingCli(url)) as cli:
        yield cli


def test_nothing_changed(taken_over):
    stack, before, _ = taken_over
    after = contents(stack.database_url)
    for table in TABLES:
        assert after[table] == before[table], table


def test_the_existing_cli_goes_on(taken_over, cli):
    _, before, deviations = taken_over
    assert cli.migrate() == []
    assert len(cli.run_list()) == len(before["runs"])
    assert cli.run_show(PENDING)[2] == 1742
    assert len(cli.pending()) == deviations
    assert cli.deviation_show(f"{1:032x}")[1][1] == PENDING
    assert [row[4] for row in cli.notifier_history(PENDING)] == ["failed", "sent"]
    assert cli.release_list(PACKAGE)[0][2] == "a" * 40
    assert [row[0] for row in cli.package_list()] == [PACKAGE, "other"]
    expected = reference_rules.fingerprints([{"events": recorded_events("1.0.1")}])
    assert cli.fingerprints(PENDING, PACKAGE) == expected


def test_our_interface_shows_it(taken_over):
    stack, before, deviations = taken_over
    runs = stack.get("/v1/runs?limit=500")["items"]
    assert {run["id"]: run["state"] for run in runs} == {row[0]: row[7] for row in before["runs"]}
    for run_id in (SEEDED, FAILED, QUEUED, ADHOC, *OTHER_STATES):
        assert stack.get(f"/v1/runs/{run_id[:12]}")["id"] == run_id
    events = stack.get(f"/v1/runs/{PENDING}/events?limit=500")["items"]
    originals = recorded_events("1.0.1")[:500]
    assert [event["data"] for event in events] == [event["payload"] for event in originals]
    assert len(stack.get(f"/v1/runs/{ADHOC}/events")["items"]) == 3
    assert len(stack.deviations(PENDING)) == min(deviations, 500)
    assert len(stack.get(f"/v1/runs/{PENDING}/notifications")["items"]) == 2
    assert {item["name"] for item in stack.get("/v1/packages")["items"]} == {
        PACKAGE, "@scope/never-seen"}
    assert {item["name"] for item in stack.get("/v1/notifiers")["items"]} == {"hook", "odd"}
    # What waited for a person still does.
    assert [item["id"] for item in stack.get("/v1/pending")["items"]] == [PENDING]


def scan_again(stack, run_id, version):
    """What 1.0.1 does, as a run of ours."""
    send_as_recorded(stack, recorded("register.json"))
    job = {"kind": "sensor_only", "package_name": PACKAGE, "version": version,
           "run_id": list(bytes.fromhex(run_id))}
    assert stack.post("/v1/scans", {"target_runner": "rec", "Job": job}).status_code == 202
    assert requests.get(f"{stack.gateway()}/v1/runners/rec/jobs", timeout=30).status_code == 200
    for line in batches("1.0.1"):
        requests.post(f"{stack.gateway()}/v1/runs/{run_id}/events", data=line,
                      timeout=30).raise_for_status()
    requests.post(f"{stack.gateway()}/v1/runs/{run_id}/result", json={"status": "ok"},
                  timeout=30).raise_for_status()
    return stack.wait_judged(PACKAGE, version)


def test_a_new_scan_is_judged_by_the_old_baseline(taken_over):
    stack, _, deviations = taken_over
    run = scan_again(stack, "c1" * 16, "2.0.0")
    assert run["verdict"] == "deviates" and not run["is_baseline"], run
    old = {(row["category"], row["value"]) for row in stack.deviations(PENDING)}
    new = {(row["category"], row["value"]) for row in stack.deviations(run["id"])}
    assert new < old and len(old) == deviations
    # Random names in npm's own cache, which the existing rules reported with every run.
    assert {value[:len(NPM_CACHE)] for _, value in old - new} == {NPM_CACHE}


def test_old_findings_can_be_promoted(taken_over, cli):
    """Afterwards the behaviour is known; the old rows of the baseline stay."""
    stack, before, deviations = taken_over
    answer = stack.post(f"/v1/runs/{PENDING}/promote", {"by": "test"})
    assert answer.status_code == 200, answer.text
    rows = cli.baseline_list(PACKAGE)
    assert len(rows) == len(before["baseline_fingerprints"]) + deviations
    assert PENDING not in [item["id"] for item in stack.get("/v1/pending")["items"]]
    run = scan_again(stack, "c2" * 16, "2.0.1")
    assert run["verdict"] == "clean" and run["is_baseline"], run


def test_old_runs_can_be_promoted_by_the_existing_cli(taken_over, cli):
    merged = cli.baseline_promote(FAILED)
    assert merged == {} and cli.run(FAILED)[9] is True
    merged = cli.baseline_promote("c1" * 16)
    assert merged == reference_rules.fingerprints([{"events": recorded_events("1.0.1")}])
