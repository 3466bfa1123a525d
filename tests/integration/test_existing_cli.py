# SPDX-License-Identifier: Apache-2.0
"""The statements of the existing CLI on a database that our services filled."""
import contextlib

import psycopg2
import pytest

from test_replay import replay_run, recorded, send_as_recorded

RUN_COLUMNS = ("id, package_name, version, tarball_sha256, lockfile_sha256, node_version, "
               "npm_version, state, attempt, is_baseline, started_at, finished_at, "
               "failure_reason, events_emitted, events_dropped, duration_ns")


@pytest.fixture
def filled(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0})
    send_as_recorded(stack, recorded("register.json"))
    ids = {}
    for version in ("1.0.0", "1.0.1"):
        ids[version] = replay_run(stack, version)[0]
        stack.wait_judged("delta-demo", version)
    return stack, ids


def test_migrations_are_recorded_as_applied(filled):
    stack, _ = filled
    stack.sql("CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, "
              "applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)")
    rows = {row[0] for row in stack.sql("SELECT version FROM schema_migrations")}
    assert {"0001_init", "0002_notifiers", "0003_run_result", "0004_allowlists"} <= rows
    assert not any(name.startswith("0005") for name in rows)


def test_run_queries(filled):
    stack, ids = filled
    runs = stack.sql(f"SELECT {RUN_COLUMNS} FROM runs ORDER BY started_at DESC NULLS LAST LIMIT 100")
    assert [row[0] for row in runs] == [ids["1.0.1"], ids["1.0.0"]]
    assert [row[7] for row in runs] == ["done", "done"]
    by_prefix = stack.sql(f"SELECT {RUN_COLUMNS} FROM runs WHERE id LIKE %s||'%%' LIMIT 2",
                          (ids["1.0.1"][:12],))
    assert len(by_prefix) == 1 and by_prefix[0][13] == 1742
    assert stack.sql("SELECT COUNT(*) FROM events WHERE run_id = %s", (ids["1.0.1"],)) == [(1742,)]


def test_deviation_queries(filled):
    stack, ids = filled
    rows = stack.sql(
        "SELECT d.id, d.run_id, d.category, d.value, d.evidence_event_id, d.severity, "
        "d.detected_at, d.notified_at, d.suppressed FROM deviations d JOIN runs r ON r.id = "
        "d.run_id WHERE r.package_name = %s ORDER BY d.detected_at DESC, d.id DESC LIMIT 5000",
        ("delta-demo",))
    assert rows and {row[1] for row in rows} == {ids["1.0.1"]}
    for row in rows:
        event = stack.sql("SELECT id, run_id, ts_ns, type, data::text FROM events WHERE id = %s",
                          (row[4],))
        assert len(event) == 1 and event[0][1] == row[1]


def test_package_list_and_baseline_queries(filled):
    stack, ids = filled
    packages = stack.sql("SELECT package_name, COUNT(*), COUNT(*) FILTER (WHERE is_baseline) FROM "
                         "runs WHERE package_name <> '' GROUP BY package_name ORDER BY 1")
    assert packages == [("delta-demo", 2, 1)]
    baseline = stack.sql("SELECT package_name, category, value, first_seen_run_id, "
                         "last_seen_run_id, occurrence_count FROM baseline_fingerprints WHERE "
                         "package_name = %s", ("delta-demo",))
    assert baseline and {row[3] for row in baseline} == {ids["1.0.0"]}


def test_baseline_promote_as_the_existing_cli_does_it(filled):
    stack, ids = filled
    run_id = ids["1.0.1"]
    prints = stack.sql("SELECT category, value, sum(count)::int FROM run_fingerprints "
                       "WHERE run_id = %s GROUP BY 1, 2", (run_id,))
    with contextlib.closing(psycopg2.connect(stack.database_url)) as connection:
        with connection, connection.cursor() as cursor:
            for category, value, count in prints:
                cursor.execute(
                    "INSERT INTO baseline_fingerprints (package_name, category, value, "
                    "first_seen_run_id, last_seen_run_id, occurrence_count) VALUES "
                    "(%s, %s, %s, %s, %s, %s) ON CONFLICT (package_name, category, value) DO "
                    "UPDATE SET last_seen_run_id = EXCLUDED.last_seen_run_id, occurrence_count = "
                    "baseline_fingerprints.occurrence_count + EXCLUDED.occurrence_count",
                    ("delta-demo", category, value, run_id, run_id, count))
        with connection, connection.cursor() as cursor:
            cursor.execute("UPDATE runs SET is_baseline = true WHERE id = %s", (run_id,))
            assert cursor.rowcount == 1
            cursor.execute("DELETE FROM deviations WHERE run_id = %s", (run_id,))
    assert stack.get("/v1/pending")["items"] == []
    # The same behaviour again is known now.
    stack.sql("UPDATE runs SET version = '1.0.1-first' WHERE id = %s", (run_id,))
    stack.sql("UPDATE run_attempts SET wire_id = 'moved' WHERE run_id = %s", (run_id,))
    again = list(bytes.fromhex(run_id))
    again[-1] ^= 1
    assert replay_again(stack, again)["verdict"] == "clean"


def replay_again(stack, run_id):
    """The recorded batches of 1.0.1 once more, as another run."""
    import json
    import requests
    from test_replay import batches
    job = json.loads(recorded("job-1.0.1.json")["resp"])
    job["run_id"] = run_id
    text = bytes(run_id).hex()
    assert stack.post("/v1/scans", {"target_runner": "rec", "Job": job}).status_code == 202
    assert requests.get(f"{stack.gateway()}/v1/runners/rec/jobs", timeout=30).status_code == 200
    for line in batches("1.0.1"):
        requests.post(f"{stack.gateway()}/v1/runs/{text}/events", data=line,
                      timeout=30).raise_for_status()
    requests.post(f"{stack.gateway()}/v1/runs/{text}/result", json={"status": "ok"},
                  timeout=30).raise_for_status()
    return stack.wait_judged("delta-demo", "1.0.1")


def test_direct_writes_of_watch_list_allow_entries_and_notifiers(filled):
    stack, _ = filled
    stack.sql("INSERT INTO packages (name, added_at) VALUES ('left-pad', now()) "
              "ON CONFLICT DO NOTHING")
    stack.sql("UPDATE packages SET last_checked_at = now(), last_seen_version = '1.3.0' "
              "WHERE name = 'left-pad'")
    stack.sql("INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at) "
              "VALUES ('0011223344556677', 'global', NULL, 'path', '/usr/lib/', '', now())")
    stack.sql("INSERT INTO notifiers (name, url, template, secret_env, headers, min_severity, "
              "enabled, created_at, updated_at) VALUES ('x', 'https://example.test/', 'generic', "
              "NULL, NULL, NULL, true, now(), now()) ON CONFLICT (name) DO UPDATE SET "
              "updated_at = now()")
    assert "left-pad" in [item["name"] for item in stack.get("/v1/packages")["items"]]
    assert "x" in [item["name"] for item in stack.get("/v1/notifiers")["items"]]
    stack.sql("DELETE FROM packages WHERE name = 'left-pad'")
    assert "left-pad" not in [item["name"] for item in stack.get("/v1/packages")["items"]]
