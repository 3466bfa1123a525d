# SPDX-License-Identifier: Apache-2.0
"""A recorded session of an existing runner against the gateway: accepted byte for byte."""
import gzip
import json

import pytest
import requests

import reference_rules
from harness.paths import FIXTURES

WIRE = FIXTURES / "wire"


def recorded(name):
    return json.loads((WIRE / name).read_text())


def batches(version):
    return gzip.decompress((WIRE / f"events-{version}.ndjson.gz").read_bytes()).splitlines()


def send_as_recorded(stack, record, path=None, body=None):
    """The recorded request; the answer must be the recorded one, byte for byte."""
    request = record["request"]
    data = body if body is not None else json.dumps(record["body"], separators=(",", ":"))
    headers = {key: value for key, value in request["req_headers"].items()
               if key not in ("Host", "Content-Length")}
    answer = requests.request(request["method"], stack.gateway() + (path or request["path"]),
                              data=data, headers=headers, timeout=40)
    assert answer.status_code == request["status"], answer.text
    assert answer.content == request["resp"].encode()
    assert answer.headers["Content-Type"] == request["resp_headers"]["Content-Type"]
    assert answer.headers["Content-Length"] == request["resp_headers"]["Content-Length"]


def replay_run(stack, version):
    """Scan request, poll, batches and result of one recorded run; returns its id."""
    job = json.loads(recorded(f"job-{version}.json")["resp"])
    run_id = bytes(job["run_id"]).hex()
    queued = stack.post("/v1/scans", {"target_runner": "rec", "Job": job})
    assert (queued.status_code, queued.json()) == (202, {"queued": True, "run_id": run_id})
    poll = requests.get(f"{stack.gateway()}/v1/runners/rec/jobs", timeout=30)
    assert poll.status_code == 200
    served, expected = poll.json(), dict(job)
    served.pop("dispatched_at")
    expected.pop("dispatched_at")
    assert served == expected and list(served) == list(expected)
    total = 0
    for line in batches(version):
        answer = requests.post(f"{stack.gateway()}/v1/runs/{run_id}/events", data=line,
                               headers={"Content-Type": "application/json"}, timeout=30)
        count = len(json.loads(line)["events"])
        assert answer.status_code == 200, answer.text
        assert answer.content == (f'{{"persisted":{count},"received_batches":1,'
                                  f'"received_events":{count}}}\n').encode()
        total += count
    send_as_recorded(stack, recorded(f"result-{version}.json"))
    return run_id, total


@pytest.fixture(params=["postgres", "kafka"])
def replayed(request, make_stack):
    stack = make_stack(bus=request.param, counts={"runner": 0, "watcher": 0})
    send_as_recorded(stack, recorded("register.json"))
    first, first_total = replay_run(stack, "1.0.0")
    stack.wait_judged("delta-demo", "1.0.0")
    second, second_total = replay_run(stack, "1.0.1")
    send_as_recorded(stack, recorded("heartbeat.json"))
    stack.wait_judged("delta-demo", "1.0.1")
    return stack, {"1.0.0": (first, first_total), "1.0.1": (second, second_total)}


def test_recorded_session(replayed):
    stack, runs = replayed
    assert runs["1.0.1"][1] == 1742
    for version, (run_id, total) in runs.items():
        assert stack.sql("SELECT count(*) FROM events WHERE run_id = %s", (run_id,)) == [(total,)]
        parsed = [json.loads(line) for line in batches(version)]
        rows = stack.sql("SELECT actor, category, value, count::int, compatible "
                         "FROM run_fingerprints WHERE run_id = %s", (run_id,))
        assert {row[:3]: row[3] for row in rows} == \
            reference_rules.own_fingerprints(events_of(version))
        # what the existing CLI would promote
        assert {(row[1], row[4]) for row in rows} <= set(reference_rules.fingerprints(parsed))
    check_events_readable(stack, runs["1.0.1"][0])
    check_deviations(stack, runs)


def events_of(version):
    return [event for line in batches(version) for event in json.loads(line)["events"] or []]


def check_events_readable(stack, run_id):
    """The API pages through all of them, and the payloads keep what was recorded."""
    seen, cursor = [], ""
    while cursor is not None:
        page = stack.get(f"/v1/runs/{run_id}/events?limit=500&cursor={cursor}")
        seen += page["items"]
        cursor = page["next_cursor"]
    assert len(seen) == 1742
    recorded_events = events_of("1.0.1")
    for stored, original in zip(seen, recorded_events, strict=True):
        for key in ("PathName", "Flags", "BinaryPathStr", "ArgvStrs", "DestIP", "DestPort",
                    "QName", "SNI", "CommStr"):
            assert stored["data"].get(key) == original["payload"].get(key)
        assert stored["data"]["Header"]["PID"] == original["payload"]["Header"]["PID"]


def check_deviations(stack, runs):
    """Exactly what 1.0.1 did and 1.0.0 did not."""
    prints = {version: set(reference_rules.own_fingerprints(events_of(version)))
              for version in runs}
    found = {(d["actor"], d["category"], d["value"]) for d in stack.deviations(runs["1.0.1"][0])}
    assert found == prints["1.0.1"] - prints["1.0.0"]
    assert stack.deviations(runs["1.0.0"][0]) == []


def test_a_resent_batch_is_stored_once(replayed):
    stack, runs = replayed
    run_id, total = runs["1.0.1"]
    before = stack.sql("SELECT id, category, value FROM deviations ORDER BY id")
    for line in batches("1.0.1")[:5]:
        requests.post(f"{stack.gateway()}/v1/runs/{run_id}/events", data=line,
                      timeout=30).raise_for_status()
    job = {"kind": "sensor_only", "package_name": "marker", "version": "1.0.0"}
    marker = stack.post("/v1/scans", {"target_runner": "rec", "Job": job}).json()["run_id"]
    requests.post(f"{stack.gateway()}/v1/runs/{marker}/result",
                  json={"status": "failed", "reason": "marker"}, timeout=30).raise_for_status()
    stack.wait_judged("marker", "1.0.0")
    assert stack.sql("SELECT count(*) FROM events WHERE run_id = %s", (run_id,)) == [(total,)]
    assert stack.sql("SELECT id, category, value FROM deviations ORDER BY id") == before
