# SPDX-License-Identifier: Apache-2.0
"""What an operator does: decisions, baselines, allow entries, notifiers, by the API and the CLI."""
import json

import pytest
import requests

from test_replay import batches, recorded, replay_run, send_as_recorded


@pytest.fixture
def filled(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0})
    send_as_recorded(stack, recorded("register.json"))
    ids = {}
    for version in ("1.0.0", "1.0.1"):
        ids[version] = replay_run(stack, version)[0]
        stack.wait_judged("delta-demo", version)
    return stack, ids


def call(stack, method, path, body=None):
    return requests.request(method, stack.gateway() + path, json=body, timeout=30)


def scan_again(stack, version, mark):
    """The recorded run of a version once more, under another id; its verdict."""
    job = json.loads(recorded(f"job-{version}.json")["resp"])
    job["run_id"] = job["run_id"][:15] + [mark]
    run_id = bytes(job["run_id"]).hex()
    assert stack.post("/v1/scans", {"target_runner": "rec", "Job": job}).status_code == 202
    assert requests.get(f"{stack.gateway()}/v1/runners/rec/jobs", timeout=30).status_code == 200
    for line in batches(version):
        requests.post(f"{stack.gateway()}/v1/runs/{run_id}/events", data=line,
                      timeout=30).raise_for_status()
    requests.post(f"{stack.gateway()}/v1/runs/{run_id}/result", json={"status": "ok"},
                  timeout=30).raise_for_status()
    return stack.wait_for(f"{run_id} judged", lambda: (
        lambda run: run if run["phase"] == "judged" else None)(stack.get(f"/v1/runs/{run_id}")))


def test_decisions_about_a_run(filled):
    stack, ids = filled
    bad = ids["1.0.1"]
    assert [run["id"] for run in stack.get("/v1/pending")["items"]] == [bad]
    assert stack.get("/v1/status")["counts"]["pending"] == 1
    done = stack.cli("run", "reject", bad[:12], "-note", "steals keys")
    assert "rejected run" in done.stdout
    assert stack.get("/v1/pending")["items"] == []
    run = stack.get(f"/v1/runs/{bad}")
    assert run["decision"] == "reject" and not run["is_baseline"] and run["deviation_count"] > 0
    assert call(stack, "POST", f"/v1/runs/{bad}/reject").status_code == 200
    # Minds change.
    promoted = call(stack, "POST", f"/v1/runs/{bad}/promote", {"by": "a", "note": "was a test"})
    assert promoted.status_code == 200 and promoted.json()["fingerprints_merged"] > 0
    assert stack.get(f"/v1/runs/{bad}")["decision"] == "promote"
    refused = call(stack, "POST", f"/v1/runs/{bad}/reject")
    assert refused.status_code == 409 and "baseline" in refused.json()["error"]
    decisions = stack.get(f"/v1/decisions?run={bad[:12]}")["items"]
    assert [(d["decision"], d["note"], d["package"]) for d in decisions] == [
        ("promote", "was a test", "delta-demo"), ("reject", "steals keys", "delta-demo")]


def test_baselines_are_cut_and_reset(filled):
    stack, _ = filled
    listed = stack.get("/v1/baselines")["items"]
    assert [item["package"] for item in listed] == ["delta-demo"]
    baseline = stack.get("/v1/baselines/delta-demo?category=proc_new_exec")
    assert {item["category"] for item in baseline["items"]} == {"proc_new_exec"}
    victim = baseline["items"][0]
    stack.cli("baseline", "forget", "delta-demo", "--category", victim["category"], "--value",
              victim["value"])
    again = scan_again(stack, "1.0.0", 1)
    assert again["verdict"] == "deviates"
    found = stack.deviations(again["id"])
    # By whoever did it.
    assert {(d["category"], d["value"]) for d in found} == {(victim["category"], victim["value"])}
    done = json.loads(stack.cli("baseline", "reset", "delta-demo", "-o", "json").stdout)
    assert done["fingerprints_removed"] == listed[0]["fingerprints"] - 1
    assert stack.get("/v1/baselines")["items"] == []
    assert call(stack, "DELETE", "/v1/baselines/delta-demo").status_code == 404
    assert scan_again(stack, "1.0.0", 2)["verdict"] == "seeded"
    words = [d["decision"] for d in stack.get("/v1/decisions?package=delta-demo")["items"]]
    assert words == ["reset", "forget"]


def test_allow_entries(filled):
    stack, ids = filled
    hidden = [d for d in stack.deviations(ids["1.0.1"]) if d["category"] == "fs_new_path_read"]
    added = stack.cli("allow", "add", "-kind", "path", "-value", "/root/.ssh/", "-package",
                      "delta-demo", "-note", "test")
    assert "added delta-demo/path" in added.stdout
    entry = stack.get("/v1/allow-entries?package=delta-demo")["items"][0]
    assert (entry["scope"], entry["value"], len(entry["id"])) == ("package", "/root/.ssh/", 16)
    again = call(stack, "POST", "/v1/allow-entries", {"kind": "path", "value": "/root/.ssh/",
                                                      "package": "delta-demo"})
    assert again.status_code == 409
    shown = {d["value"] for d in stack.deviations(scan_again(stack, "1.0.1", 1)["id"])}
    assert any(d["value"].startswith("/root/.ssh/") for d in hidden)
    assert not any(value.startswith("/root/.ssh/") for value in shown)
    # As the existing CLI looks ids up.
    stack.sql("INSERT INTO allowlists (id, scope, kind, value, created_at) VALUES "
              "('cfg-a', 'global', 'path', '/a', now()), ('cfg-b', 'global', 'path', '/b', now())")
    ambiguous = call(stack, "DELETE", "/v1/allow-entries/cfg")
    assert ambiguous.status_code == 409 and ambiguous.json()["candidates"] == ["cfg-a", "cfg-b"]
    assert "cfg-a" in stack.cli("allow", "rm", "cfg", check=False).stderr
    stack.cli("allow", "rm", "cfg-a")
    assert stack.cli("allow", "rm", "zzzz", check=False).returncode == 3
    assert len(stack.get("/v1/allow-entries")["items"]) == 2


def test_notifiers_and_their_history(filled):
    stack, ids = filled
    stack.cli("notifier", "add", "-name", "chat", "-url", "https://chat.example/hook/secret",
              "-template", "slack", "-min-severity", "warn", "-enabled=false")
    one = stack.get("/v1/notifiers/chat")
    assert one["url"] == "https://chat.example/..." and not one["enabled"]
    stack.sql("INSERT INTO notifications (id, run_id, notifier_name, attempt, status, created_at) "
              "SELECT 'n-' || n, %s, 'chat', n, CASE WHEN n = 3 THEN 'sent' ELSE 'failed' END, "
              "now() + n * interval '1 s' FROM generate_series(1, 3) n", (ids["1.0.1"],))
    page = stack.get("/v1/notifications?notifier=chat&status=failed")
    assert [item["attempt"] for item in page["items"]] == [2, 1]
    shown = stack.cli("notifier", "history", "-run", ids["1.0.1"][:12]).stdout
    assert shown.count("chat") == 3
    stack.cli("notifier", "remove", "chat")
    assert stack.get("/v1/notifications")["items"] == []


def pages(stack, path, limit):
    seen, cursor = [], None
    while True:
        page = stack.get(f"{path}{'&' if '?' in path else '?'}limit={limit}"
                         + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["items"]) <= limit
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


def test_lists_page_and_filter(filled):
    stack, ids = filled
    bad = ids["1.0.1"]
    whole = stack.get("/v1/deviations?limit=500")["items"]
    assert pages(stack, "/v1/deviations", 2) == whole and len(whole) > 3
    assert pages(stack, f"/v1/runs/{bad}/deviations", 3) == stack.deviations(bad)
    assert [r["id"] for r in pages(stack, "/v1/runs", 1)] == [bad, ids["1.0.0"]]
    baseline = stack.get("/v1/baselines/delta-demo")
    prints = pages(stack, "/v1/baselines/delta-demo", 70)
    assert len({(p["category"], p["value"]) for p in prints}) == baseline["fingerprints"]
    for word, count in (("verdict=deviates", 1), ("verdict=clean", 0), ("version=1.0.0", 1),
                        ("runner=rec", 2), ("trigger=release", 0), ("since=2100-01-01T00:00:00Z", 0),
                        ("until=2100-01-01T00:00:00Z", 2), ("package=other", 0)):
        assert len(stack.get(f"/v1/runs?{word}")["items"]) == count, word
    events = stack.get(f"/v1/runs/{bad}/events?contains=ID_RSA&limit=500")["items"]
    assert events and all("id_rsa" in json.dumps(event) for event in events)
    pid = events[0]["data"]["Header"]["PID"]
    of_pid = stack.get(f"/v1/runs/{bad}/events?pid={pid}&type=file_access&limit=500")["items"]
    assert of_pid and {e["data"]["Header"]["PID"] for e in of_pid} == {pid}
    crit = stack.get("/v1/deviations?severity=crit&actor=package&suppressed=false")["items"]
    assert all(d["severity"] == "crit" and d["actor"] == "package" for d in crit)


@pytest.mark.parametrize("path,text", [
    ("/v1/runs?packag=x", "unknown query parameter 'packag'"),
    ("/v1/runs?state=broken", "state must be one of pending|done|failed"),
    ("/v1/runs?limit=501", "limit must be a number from 1 to 500"),
    ("/v1/runs?cursor=nonsense", "cursor"),
    ("/v1/runs?package=%00", "package is badly encoded"),
    ("/v1/runs?package=%ff", "package is badly encoded"),
    ("/v1/runs?since=yesterday", "since must be a time"),
    ("/v1/packages/%ff", "bad percent-encoding"),
    ("/v1/deviations?run=xyz", "run must be the beginning of an id"),
])
def test_bad_parameters_are_named(make_stack, path, text):
    stack = make_stack(counts={"runner": 0, "watcher": 0, "differ": 0, "notifier": 0,
                               "dispatcher": 0})
    answer = call(stack, "GET", path)
    assert answer.status_code == 400 and text in answer.json()["error"]


def test_runners_releases_and_settings(filled):
    stack, _ = filled
    refused = call(stack, "DELETE", "/v1/runners/rec")
    assert refused.status_code == 409 and "alive" in refused.json()["error"]
    stack.sql("UPDATE runners SET last_seen_at = now() - interval '1 hour'")
    assert stack.get("/v1/runners?alive=true")["items"] == []
    stack.cli("runner", "remove", "rec")
    assert call(stack, "GET", "/v1/runners/rec").status_code == 404
    assert "(none)" in stack.cli("release", "list").stdout
    settings = {item["key"]: item for item in stack.get("/v1/settings")["items"]}
    assert settings["db.url"]["value"] == "[redacted]"
    assert settings["listen"]["origin"] == "--listen"
    assert "listen" in stack.cli("settings").stdout
