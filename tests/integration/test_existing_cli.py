# SPDX-License-Identifier: Apache-2.0
"""The existing CLI on a database that our services filled, under a role with its rights only."""
import contextlib
import json

import psycopg2
import pytest
import requests

import reference_rules
from harness.existing_cli import ExistingCli
from harness.postgres import query
from harness.stack import Stack
from test_replay import batches, recorded, replay_run, send_as_recorded

# One installation for all of them.
pytestmark = pytest.mark.xdist_group("existing_cli")

ROLE = "existing_cli"
# Executable by everybody unless somebody takes that away.
VIEW_FUNCTIONS = "fangs_chunk_ids, fangs_event_type"
UPSTREAM_TABLES = ("packages", "releases", "runs", "events", "baseline_fingerprints", "deviations",
                   "notifiers", "notifications", "allowlists", "schema_migrations")


def as_role(url):
    """The CLI under a role that has what the existing tables need, and nothing of ours."""
    for statement in (
            f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; "
            "END $$",
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC",
            "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {VIEW_FUNCTIONS} TO {ROLE}",
            f"GRANT USAGE, CREATE ON SCHEMA public TO {ROLE}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(UPSTREAM_TABLES)} TO {ROLE}"):
        query(url, statement)
    return ExistingCli(url.replace("fangs@", f"{ROLE}@"))


@pytest.fixture(scope="module")
def filled(postgres, tmp_path_factory):
    """Two recorded releases, judged; (installation, ids by version)."""
    stack = Stack(tmp_path_factory.mktemp("cli"), postgres.create_database(),
                  counts={"runner": 0, "watcher": 0, "notifier": 0})
    stack.start()
    send_as_recorded(stack, recorded("register.json"))
    ids = {}
    for version in ("1.0.0", "1.0.1"):
        ids[version] = replay_run(stack, version)[0]
        stack.wait_judged("delta-demo", version)
    yield stack, ids
    assert set(stack.stop().values()) == {0}


@pytest.fixture(scope="module")
def cli(filled):
    with contextlib.closing(as_role(filled[0].database_url)) as cli:
        yield cli


def test_the_role_has_no_rights_on_what_is_ours(cli):
    ours = cli.sql("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                   "AND relkind IN ('r', 'p') AND relname <> ALL(%s)", list(UPSTREAM_TABLES))
    assert len(ours) > 10
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cli.sql("SELECT 1 FROM run_attempts")


def test_its_migrator_has_nothing_to_do(filled, cli):
    stack, _ = filled
    assert cli.migrate() == []
    assert sorted(row[0] for row in stack.sql("SELECT version FROM schema_migrations")) == [
        "0001_init", "0002_notifiers", "0003_run_result", "0004_allowlists"]


def test_runs(filled, cli):
    _, ids = filled
    assert [row[0] for row in cli.run_list()] == [ids["1.0.1"], ids["1.0.0"]]
    assert [row[7] for row in cli.run_list("delta-demo")] == ["done", "done"]
    run, deviations, events = cli.run_show(ids["1.0.1"][:12])
    assert run[13] == 1742 and events == 1742 and deviations
    assert cli.package_list() == [("delta-demo", 2, 1, ids["1.0.1"], len(deviations))]


def test_deviations(filled, cli):
    _, ids = filled
    rows = cli.deviation_list(package="delta-demo")
    assert rows == cli.pending() and {row[1] for row in rows} == {ids["1.0.1"]}
    assert cli.deviation_list(run_id=ids["1.0.1"], severity="no such") == []
    for row in rows:
        deviation, event = cli.deviation_show(row[0][:16])
        assert deviation == row and event[1] == row[1]
        kind, payload = event[3], json.loads(event[4])
        number = {"file_access": 1, "exec": 2, "net_connect": 3, "dns_query": 4, "tls_sni": 5}
        assert reference_rules.fingerprint({"type": number[kind], "payload": payload}) == (
            row[2], row[3])


def test_what_it_fingerprints_is_what_was_recorded(filled, cli):
    """It reads the rows and applies rules of its own."""
    _, ids = filled
    for version, run_id in ids.items():
        parsed = [json.loads(line) for line in batches(version)]
        assert cli.fingerprints(run_id, "delta-demo") == reference_rules.fingerprints(parsed)


def test_baseline(filled, cli):
    """Its columns; the values are of our rules, which leave out what varies in npm's own work."""
    stack, ids = filled
    rows = cli.baseline_list("delta-demo")
    assert {row[3] for row in rows} == {ids["1.0.0"]}
    shown = stack.get("/v1/baselines/delta-demo?limit=500")["items"]
    assert {(row[1], row[2]) for row in rows} == {(row["category"], row["value"]) for row in shown}
    assert ("fs_new_path_read", "<delta-demo>") in {(row[1], row[2]) for row in rows}


def test_its_writes_reach_our_services(filled, cli):
    stack, _ = filled
    cli.package_add("left-pad", "1.3.0")
    cli.allow_add("0011223344556677", "path", "/usr/lib/")
    cli.allow_add("8899aabbccddeeff", "sni", "example.test", package="left-pad")
    cli.notifier_add("x", "https://example.test/a")
    cli.notifier_add("x", "https://example.test/b")
    assert [row[3] for row in cli.package_watched()] == ["1.3.0"]
    assert cli.release_list("left-pad") == []
    assert [row[2] for row in cli.allow_list()] == [None, "left-pad"]
    assert [row[1] for row in cli.notifier_list()] == ["https://example.test/b"]
    assert cli.notifier_history("none") == []
    assert "left-pad" in [item["name"] for item in stack.get("/v1/packages")["items"]]
    assert "x" in [item["name"] for item in stack.get("/v1/notifiers")["items"]]
    assert cli.allow_remove("0011") == 1 and cli.allow_remove("8899") == 1
    assert cli.notifier_remove("x") == 1 and cli.notifier_remove("x") == 0
    assert cli.package_remove("left-pad") == 1 and cli.package_remove("left-pad") == 0
    assert "left-pad" not in [item["name"] for item in stack.get("/v1/packages")["items"]]


def test_baseline_promote(filled, cli):
    """The last test of the shared installation: afterwards nothing is pending."""
    stack, ids = filled
    run_id = ids["1.0.1"]
    before = {(row[1], row[2]): row[5] for row in cli.baseline_list("delta-demo")}
    merged = cli.baseline_promote(run_id[:12])
    after = {(row[1], row[2]): row[5] for row in cli.baseline_list("delta-demo")}
    assert after == {key: before.get(key, 0) + merged.get(key, 0) for key in {*before, *merged}}
    assert cli.run(run_id)[9] is True and cli.pending() == []
    assert stack.get("/v1/pending")["items"] == []
    # The same behaviour again is known now.
    verdict = replay_again(stack, run_id, "1.0.2")
    assert verdict["verdict"] == "clean" and verdict["is_baseline"], verdict


def replay_again(stack, run_id, version):
    """The recorded batches of 1.0.1 once more, as the run of a later release."""
    job = json.loads(recorded("job-1.0.1.json")["resp"])
    again = bytearray.fromhex(run_id)
    again[-1] ^= 1
    job.update(run_id=list(again), version=version)
    assert stack.post("/v1/scans", {"target_runner": "rec", "Job": job}).status_code == 202
    assert requests.get(f"{stack.gateway()}/v1/runners/rec/jobs", timeout=30).status_code == 200
    for line in batches("1.0.1"):
        requests.post(f"{stack.gateway()}/v1/runs/{again.hex()}/events", data=line,
                      timeout=30).raise_for_status()
    requests.post(f"{stack.gateway()}/v1/runs/{again.hex()}/result", json={"status": "ok"},
                  timeout=30).raise_for_status()
    return stack.wait_judged("delta-demo", version)
