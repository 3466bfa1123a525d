# SPDX-License-Identifier: Apache-2.0
"""What a person makes of findings, and what becomes of runs when a rule changes."""
import contextlib
import http.server
import json
import threading

import pytest

from test_existing_cli import as_role
from test_operator import call, scan_again
from test_replay import recorded, replay_run, send_as_recorded

SECONDS = 10  # in which a changed rule must count; it takes about one


@pytest.fixture
def filled(make_stack):
    """1.0.0 is the baseline, 1.0.1 waits. Two differs, so that each could do what the other did."""
    stack = make_stack(counts={"runner": 0, "watcher": 0, "differ": 2})
    send_as_recorded(stack, recorded("register.json"))
    ids = {}
    for version in ("1.0.0", "1.0.1"):
        ids[version] = replay_run(stack, version)[0]
        stack.wait_judged("delta-demo", version)
    stack.wait_for("1.0.1 pending", lambda: stack.get("/v1/pending")["items"])
    return stack, ids["1.0.1"]


def pending(stack):
    return {run["id"]: run for run in stack.get("/v1/pending")["items"]}


def settled(stack, probe, what):
    return stack.wait_for(what, probe, timeout=SECONDS)


def verdicts(stack, run_id):
    rows = stack.sql("SELECT convert_from(value, 'UTF8')::jsonb FROM bus_messages "
                     "WHERE topic LIKE '%%deviations' ORDER BY partition, log_offset")
    return [row[0]["verdict"] for row in rows
            if row[0]["type"] == "verdict" and row[0]["run_id"] == run_id]


def test_one_deviation_is_suppressed_and_counts_again(filled):
    stack, run_id = filled
    deviations = stack.deviations(run_id)
    worst = deviations[0]
    answer = call(stack, "POST", f"/v1/deviations/{worst['id'][:12]}/suppress",
                  {"by": "ann", "note": "known tool"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"deviation_id": worst["id"], "run_id": run_id,
                             "package": "delta-demo", "suppressed": True,
                             "open_deviations": len(deviations) - 1}
    shown = stack.get(f"/v1/deviations/{worst['id']}")
    assert (shown["suppressed"], shown["suppressed_by"], shown["suppressed_why"]) == (
        True, "person", "known tool")
    run = stack.get(f"/v1/runs/{run_id}")
    assert (run["deviation_count"], run["open_deviations"]) == (len(deviations),
                                                                len(deviations) - 1)
    # Once more changes nothing; all of them: the run still waits, and shows that nothing counts.
    for deviation in deviations:
        stack.cli("deviation", "suppress", deviation["id"][:16])
    waiting = pending(stack)[run_id]
    assert (waiting["open_deviations"], waiting["max_severity"]) == (0, "")
    reasons = stack.sql("SELECT suppressed_why FROM deviations WHERE id = %s", (worst["id"],))
    assert reasons == [("known tool",)]
    done = stack.cli("deviation", "unsuppress", worst["id"], "-note", "not that one")
    assert "counts again" in done.stdout
    assert pending(stack)[run_id]["open_deviations"] == 1
    decisions = stack.get(f"/v1/decisions?run={run_id}&decision=suppress")["items"]
    assert len(decisions) == len(deviations)
    first = decisions[-1]
    assert (first["by"], first["note"], first["deviation_id"], first["value"]) == (
        "ann", "known tool", worst["id"], worst["value"])
    assert [d["note"] for d in stack.get("/v1/decisions?decision=unsuppress")["items"]] == [
        "not that one"]
    assert call(stack, "POST", f"/v1/deviations/{'0' * 32}/suppress").status_code == 404


def test_allowing_all_that_is_new_makes_a_run_clean(filled):
    stack, run_id = filled
    deviations = stack.deviations(run_id)
    for deviation in deviations:
        answer = call(stack, "POST", f"/v1/deviations/{deviation['id']}/allow", {"by": "ann"})
        assert answer.status_code == 201, answer.text
        assert answer.json()["scope"] == "package" and answer.json()["package"] == "delta-demo"
    run = settled(stack, lambda: (lambda r: r if r["verdict"] == "clean" else None)(
        stack.get(f"/v1/runs/{run_id}")), "the run is clean")
    assert run["is_baseline"] and run["open_deviations"] == 0
    assert pending(stack) == {}
    found = stack.deviations(run_id)
    assert {d["suppressed_by"] for d in found} == {"entry"}
    entries = {entry["id"] for entry in stack.get("/v1/allow-entries?limit=500")["items"]}
    assert {d["suppressed_why"].removeprefix("allowed by entry ") for d in found} <= entries
    assert verdicts(stack, run_id) == ["deviates", "clean"]
    # What entries cover is not accepted for good.
    known = {(item["category"], item["value"], actor)
             for item in stack.get("/v1/baselines/delta-demo?limit=500")["items"]
             for actor in item["actors"]}
    assert not known & {(d["category"], d["value"], d["actor"]) for d in found}
    # And the entries hold for the runs to come, in every category.
    assert scan_again(stack, "1.0.1", 1)["verdict"] == "clean"
    records = stack.get(f"/v1/decisions?run={run_id}&decision=reanalyse")["items"]
    assert records[0]["note"].endswith("verdict clean, was deviates")
    assert len(stack.get(f"/v1/decisions?run={run_id}&decision=allow")["items"]) == len(deviations)


def test_an_entry_has_to_cover_the_deviation(filled):
    stack, run_id = filled
    path = next(d for d in stack.deviations(run_id) if d["category"] == "fs_new_path_read")
    allow = f"/v1/deviations/{path['id']}/allow"
    for body in ({"value": "/nowhere/"}, {"kind": "path_write"}, {"kind": "dns", "value": "a.test"},
                 {"kind": "color"}, {"value": "relative"}):
        refused = call(stack, "POST", allow, body)
        assert refused.status_code == 400, (body, refused.text)
    assert call(stack, "POST", allow, {"scope": "all"}).status_code == 400
    broader = path["value"][:path["value"].rindex("/") + 1]
    done = stack.cli("deviation", "allow", path["id"], "--scope", "global", "--value", broader)
    assert "added global path_read allowlist entry" in done.stdout
    again = call(stack, "POST", allow, {"scope": "global", "value": broader})
    assert again.status_code == 409
    entry = stack.get("/v1/allow-entries?kind=path_read")["items"][0]
    settled(stack, lambda: stack.get(f"/v1/deviations/{path['id']}")["suppressed"], "allowed")
    blocked = call(stack, "POST", f"/v1/deviations/{path['id']}/unsuppress")
    assert blocked.status_code == 409 and entry["id"] in blocked.json()["error"]
    # Without the entry it counts again.
    stack.cli("allow", "rm", entry["id"])
    settled(stack, lambda: not stack.get(f"/v1/deviations/{path['id']}")["suppressed"],
            "counts again")
    assert verdicts(stack, run_id) == ["deviates"]
    assert [d["decision"] for d in stack.get("/v1/decisions")["items"]
            if d["decision"] in ("allow", "disallow")] == ["disallow", "allow"]


def test_new_kinds_are_added_and_listed(filled):
    stack, _ = filled
    for kind, value in (("dns", "*.Example.test"), ("exec", "/opt/bin/"), ("path_read", "/a/"),
                        ("path_write", "/b/")):
        stack.cli("allow", "add", "--kind", kind, "--value", value)
    listed = {(e["kind"], e["value"]) for e in stack.get("/v1/allow-entries")["items"]}
    assert listed == {("dns", ".example.test"), ("exec", "/opt/bin/"), ("path_read", "/a/"),
                      ("path_write", "/b/")}
    assert "path_write" in stack.cli("allow", "list").stdout
    # The existing CLI's table has nothing that it would not know.
    assert stack.sql("SELECT count(*) FROM allowlists") == [(0,)]


def test_runs_are_analysed_again_on_request(filled):
    stack, run_id = filled
    baseline = stack.get("/v1/baselines/delta-demo?category=proc_new_exec")["items"][0]
    stack.cli("baseline", "forget", "delta-demo", "--category", baseline["category"], "--value",
              baseline["value"])
    done = stack.cli("run", "reanalyse", run_id, "--note", "forgot one")
    assert "1 runs of delta-demo" in done.stdout
    settled(stack, lambda: baseline["value"] in {d["value"] for d in stack.deviations(run_id)},
            "found anew")
    note = stack.get("/v1/decisions?decision=reanalyse")["items"][0]["note"]
    assert note.startswith("forgot one: ") and "new 0" not in note
    assert verdicts(stack, run_id) == ["deviates"]
    asked = call(stack, "POST", "/v1/packages/delta-demo/reanalyse", {"by": "ann"})
    assert (asked.status_code, asked.json()) == (202, {"package": "delta-demo", "runs": 1})
    settled(stack, lambda: len(stack.get("/v1/decisions?decision=reanalyse")["items"]) == 2, "again")
    assert stack.sql("SELECT count(*) FROM reanalyses") == [(0,)]
    first = stack.sql("SELECT id FROM runs WHERE version = '1.0.0'")[0][0]
    assert call(stack, "POST", f"/v1/runs/{first}/reanalyse").status_code == 409
    assert call(stack, "POST", f"/v1/runs/{'0' * 32}/reanalyse").status_code == 404
    assert call(stack, "POST", "/v1/packages/nobody/reanalyse").json()["runs"] == 0
    assert stack.cli("run", "reanalyse", check=False).returncode == 2


def test_what_the_existing_cli_writes_counts_within_seconds(filled):
    stack, run_id = filled
    paths = [d for d in stack.deviations(run_id) if d["category"].startswith("fs_")]
    victim = next(d for d in paths if d["value"].startswith("/root/.ssh/"))
    with contextlib.closing(as_role(stack.database_url)) as cli:
        stack.post("/v1/allow-entries", {"kind": "exec", "value": "/opt/x"}).raise_for_status()
        cli.allow_add("cfg-1", "path", "/root/.ssh/", "delta-demo")
        settled(stack, lambda: stack.get(f"/v1/deviations/{victim['id']}")["suppressed"],
                "its allow entry counts")
        assert [row[3:5] for row in cli.allow_list()] == [("path", "/root/.ssh/")]
        with receiver() as (url, received):
            cli.notifier_add("late", url)
            other = scan_again(stack, "1.0.1", 2)
            assert other["verdict"] == "deviates"
            settled(stack, lambda: received, "its notifier is told")
            assert json.loads(received[0])["run_id"] == other["id"]
        cli.baseline_promote(run_id)
        assert run_id not in pending(stack)
    assert scan_again(stack, "1.0.1", 3)["verdict"] == "clean"


@contextlib.contextmanager
def receiver():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        server.shutdown()
