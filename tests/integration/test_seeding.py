# SPDX-License-Identifier: Apache-2.0
"""Baselines of several runs, controls, and installs that fail: releases as the watcher announces
them, run by a recorded existing runner."""
import copy
import json

import pytest
import requests

from harness.replay import RUNNER, batches, recorded

PACKAGE = "delta-demo"


class Installation:
    """One gateway, dispatcher and differ, and a runner that does what it is told to."""

    def __init__(self, stack):
        self.stack = stack
        self._post("/v1/runners/register", recorded("register.json")["body"])
        self.lines = [json.loads(line) for line in batches("1.0.0")[:3]]
        assert stack.post("/v1/packages", {"name": PACKAGE}).status_code == 201

    def _post(self, path, body):
        requests.post(self.stack.gateway() + path, json=body, timeout=60).raise_for_status()

    def release(self, version):
        """As the watcher puts it on the topic."""
        message = {"package": PACKAGE, "version": version,
                   "published_at": "2026-01-01T00:00:00Z", "discovered_at": "2026-01-01T00:00:00Z"}
        self.stack.sql("INSERT INTO outbox (topic, partition, key, value) VALUES"
                           " ('releases', -1, %s, %s)",
                           (PACKAGE.encode(), json.dumps(message).encode()))

    def take(self):
        """The next run that is placed: its id."""
        def poll():
            answer = requests.get(f"{self.stack.gateway()}/v1/runners/{RUNNER}/jobs", timeout=40)
            return answer.json() if answer.status_code == 200 else None
        job = self.stack.wait_for("a job", poll)
        return bytes(job["run_id"]).hex()

    def write(self, run_id, *paths, status="ok"):
        """Plays the run: some recorded batches, then what it wrote, then its end."""
        number = list(bytes.fromhex(run_id))
        for line in self.lines:
            self._post(f"/v1/runs/{run_id}/events", {**line, "run_id": number})
        event = next(e for line in self.lines for e in line["events"]
                     if e["type"] == 1 and e["payload"]["CommStr"] == "node")
        events = []
        for path in paths:
            event = copy.deepcopy(event)
            payload = event["payload"]
            payload["Path"] = list(path.encode().ljust(len(payload["Path"]), b"\0"))
            payload.update(PathLen=len(path) + 1, PathName=path, Flags=0o101)
            payload["Header"]["Tags"] = 1
            events.append(event)
        self._post(f"/v1/runs/{run_id}/events",
                   {"run_id": number, "seq": self.lines[-1]["seq"] + 1, "events": events})
        self._post(f"/v1/runs/{run_id}/result", {"status": status})
        return self.stack.wait_for(f"{run_id} judged", lambda: self.judged(run_id))

    def judged(self, run_id):
        run = self.stack.get(f"/v1/runs/{run_id}")
        return run if run["phase"] == "judged" else None

    def told(self):
        """Verdicts that were told about releases, the first one first."""
        rows = self.stack.sql(
            "SELECT convert_from(value, 'UTF8')::jsonb FROM bus_messages"
            " WHERE topic = 'deviations' ORDER BY created_at, log_offset")
        return [m["verdict"] for m, in rows if m["type"] == "verdict" and m["verdict"] != "none"]

    def wait_told(self, *expected):
        self.stack.wait_for(f"verdicts {expected}", lambda: len(self.told()) >= len(expected))
        assert self.told() == list(expected)

    def deviations(self, run_id):
        return {(d["value"], d["drift"], d["suppressed"])
                for d in self.stack.get(f"/v1/runs/{run_id}/deviations")["items"]}


@pytest.fixture
def installation(make_stack):
    return Installation(make_stack(counts={"runner": 0, "watcher": 0, "notifier": 0}))


def test_a_package_is_seeded_by_as_many_runs_as_its_policy_says(installation):
    stack = installation.stack
    said = stack.cli("package", "policy", PACKAGE, "--seed-runs", "2", "--control", "off").stdout
    assert "2" in said
    package = stack.get(f"/v1/packages/{PACKAGE}")
    assert (package["seed_runs"], package["control"]) == (2, False)
    installation.release("1.0.0")
    first = installation.write(installation.take(), "/opt/same")
    assert first["verdict"] == "seeded" and first["trigger"] == "release"
    assert stack.get(f"/v1/packages/{PACKAGE}")["baseline_state"] == "seeding"
    second = installation.write(installation.take(), "/opt/same", "/opt/sometimes")
    assert (second["verdict"], second["trigger"], second["version"]) == ("seeded", "seed", "1.0.0")
    assert stack.get(f"/v1/packages/{PACKAGE}")["baseline_state"] == "trusted"
    assert stack.sql("SELECT value FROM volatile_values") == [("/opt/sometimes",)]
    # Without a control the verdict is told at once.
    installation.release("1.0.1")
    assert installation.write(installation.take(), "/opt/new")["verdict"] == "deviates"
    installation.wait_told("seeded", "seeded", "deviates")
    assert stack.sql("SELECT count(*) FROM controls") == [(0,)]
    answer = requests.put(f"{stack.gateway()}/v1/packages/{PACKAGE}/policy", json={}, timeout=30)
    assert (answer.json()["seed_runs"], answer.json()["control"]) == (None, None)
    answer = requests.put(f"{stack.gateway()}/v1/packages/no-such/policy", json={}, timeout=30)
    assert answer.status_code == 404


def seed_and_deviate(installation):
    installation.release("1.0.0")
    installation.write(installation.take(), "/opt/same")
    installation.release("1.0.1")
    held = installation.write(installation.take(), "/opt/same", "/opt/drift")
    assert held["verdict"] == "deviates"
    control = installation.take()
    run = installation.stack.get(f"/v1/runs/{control}")
    assert (run["trigger"], run["version"], run["control_of"]) == ("control", "1.0.0", held["id"])
    assert installation.told() == ["seeded"]
    return held["id"], control


def test_what_the_baselines_version_does_today_pages_nobody(installation):
    held, control = seed_and_deviate(installation)
    assert installation.write(control, "/opt/same", "/opt/drift")["verdict"] == "none"
    installation.wait_told("seeded", "clean")
    run = installation.stack.get(f"/v1/runs/{held}")
    assert run["verdict"] == "clean" and run["is_baseline"]
    assert installation.deviations(held) == {("/opt/drift", True, True)}


def test_what_it_does_not_do_is_told(installation):
    held, control = seed_and_deviate(installation)
    installation.write(control, "/opt/same")
    installation.wait_told("seeded", "deviates")
    assert installation.deviations(held) == {("/opt/drift", False, False)}
    assert installation.stack.sql("SELECT outcome FROM controls") == [("none",)]


def test_a_control_that_fails_changes_nothing(installation):
    held, control = seed_and_deviate(installation)
    installation.write(control, "/opt/drift", status="failed")
    installation.wait_told("seeded", "deviates")
    assert installation.deviations(held) == {("/opt/drift", False, False)}


def test_a_failed_install_never_seeds(installation):
    installation.release("1.0.0")
    run = installation.write(installation.take(), "/opt/same", status="failed")
    assert (run["verdict"], run["is_baseline"]) == ("incomplete", False)
    assert installation.stack.get("/v1/baselines")["items"] == []
    installation.release("1.0.1")
    assert installation.write(installation.take(), "/opt/same")["verdict"] == "seeded"
