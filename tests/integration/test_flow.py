# SPDX-License-Identifier: Apache-2.0
"""The main job on every topology: a package turns hostile between two releases."""
import json

import pytest

CATEGORIES = {"net_new_destination", "net_new_dns", "net_new_https_host", "fs_new_path_read",
              "fs_new_path_write", "proc_new_exec"}

TOPOLOGIES = {
    "postgres-http": {"bus": "postgres", "transport": "http"},
    "kafka-kafka": {"bus": "kafka", "transport": "kafka"},
    "kafka-http": {"bus": "kafka", "transport": "http"},
    "two-of-each": {"bus": "kafka", "transport": "kafka",
                    "counts": {"runner": 2, "differ": 2, "api": 2, "dispatcher": 2}},
}


def check_hostile(stack, run):
    deviations = stack.deviations(run["id"])
    assert {deviation["category"] for deviation in deviations} == CATEGORIES
    key = [d for d in deviations if d["value"] == "/root/.ssh/id_rsa"]
    assert [d["severity"] for d in key] == ["crit"]
    assert len({(d["category"], d["actor"], d["value"]) for d in deviations}) == len(deviations)
    return deviations


def deviations_on_topic(request, stack, run_id):
    if stack.bus == "kafka":
        values = request.getfixturevalue("kafka").read_all(f"{stack.topic_prefix}deviations")
    else:
        rows = stack.sql("SELECT value FROM bus_messages WHERE topic = 'deviations'")
        values = [bytes(row[0]).decode() for row in rows]
    messages = [json.loads(value) for value in values]
    return [m for m in messages if m["type"] == "deviation" and m["run_id"] == run_id]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_release_turns_hostile(topology, make_stack, registry, neighbours, package, request):
    stack = make_stack(registry_url=registry.url, **TOPOLOGIES[topology])
    stack.add_notifier(neighbours.webhook_url)
    package.release("1.0.0")
    stack.watch(package.name)
    first = stack.wait_judged(package.name, "1.0.0")
    assert (first["verdict"], first["is_baseline"], first["complete"]) == ("seeded", True, True)
    assert first["node_version"] and first["npm_version"] and first["image_digest"]

    package.release("1.0.1")
    second = stack.wait_judged(package.name, "1.0.1")
    assert (second["verdict"], second["is_baseline"]) == ("deviates", False)
    deviations = check_hostile(stack, second)
    assert second["id"] in [run["id"] for run in stack.get("/v1/pending")["items"]]

    hooks = neighbours.wait_for_webhook(package.name)
    assert len(hooks) == 1 and hooks[0]["deviation_count"] == len(deviations)
    on_topic = deviations_on_topic(request, stack, second["id"])
    assert {m["id"] for m in on_topic} == {d["id"] for d in deviations}

    stack.cli("baseline", "promote", second["id"][:12])
    again = stack.scan(package.name, "1.0.1")
    assert again["verdict"] == "clean", stack.deviations(again["id"])
    assert stack.get("/v1/pending")["items"] == []
    assert len(neighbours.webhooks(package.name)) == 1
