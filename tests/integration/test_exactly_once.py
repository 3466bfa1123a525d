# SPDX-License-Identifier: Apache-2.0
"""A differ killed at random moments of a replay leaves what an undisturbed one leaves, to the byte.

On Kafka the differ has a name of its own in its group, so that it need not wait until the broker
misses the one that died. FANGS_KILLS says how often it dies, FANGS_SEED when.
"""
import json
import os
import random
import re
import time

import pytest

from harness.replay import Player

PACKAGES = 25  # twice each: 50 runs
KILLS = 100
SLOWLY = {"FANGS_DIFFER_BATCH_MESSAGES": "1"}  # a transaction for each batch: more to interrupt

# Everything that the differ writes but the moments and the numbers that the database draws: an
# event is told by what it says.
TABLES = ["deviations", "baselines", "baseline_fingerprints", "baseline_actors",
          "run_fingerprints", "run_progress", "runs", "volatile_values", "dead_letters"]
MOMENT_KEY = re.compile(r"_at$|_at_ns$")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+]+")
EVENT_ID = re.compile(r"event_id$")


def settled(value, events):
    """The row without moments, and with the events that it refers to."""
    if not isinstance(value, dict):
        moment = isinstance(value, str) and MOMENT.fullmatch(value)
        return "a moment" if moment else value
    return {key: events[member] if EVENT_ID.search(key) and member else settled(member, events)
            for key, member in value.items() if not MOMENT_KEY.search(key)}


def dump(stack):
    """Lines of text, the same for the same work."""
    events = {row[0]: json.dumps(row[1:], sort_keys=True) for row in stack.sql(
        "SELECT id, run_id, type, data FROM events")}
    lines = [f"events {text}" for text in events.values()]
    for table in TABLES:
        for (row,) in stack.sql(f"SELECT to_jsonb(t) FROM {table} t"):
            lines.append(f"{table} {json.dumps(settled(row, events), sort_keys=True)}")
    return sorted(lines)


def announced(request, stack):
    """What the topic tells of the runs: a message may come twice, but says the same then."""
    stack.wait_for("the outbox empty", lambda: stack.sql(
        "SELECT count(*) FROM outbox WHERE topic = 'deviations'") == [(0,)], 30)
    if stack.bus == "kafka":
        values = request.getfixturevalue("kafka").read_all(f"{stack.topic_prefix}deviations")
    else:
        rows = stack.sql("SELECT value FROM bus_messages WHERE topic = 'deviations'")
        values = [bytes(row[0]).decode() for row in rows]
    return {(message["type"], message["run_id"], message.get("id"), message.get("verdict"))
            for message in map(json.loads, values)}


def kill_at_random(stack, kills, generator):
    """Each time in the middle: it has committed something, and something is left."""
    differ = stack.processes["differ-0"]

    def progress():
        return stack.sql("SELECT coalesce(sum(events_stored), 0)::bigint FROM run_progress")[0][0]

    def done():
        return stack.sql("SELECT count(*) FROM runs WHERE phase <> 'judged'") == [(0,)]
    killed = 0
    while killed < kills and not done():
        before = progress()
        stack.wait_for("progress", lambda b=before: progress() > b or done(), 60, step=0.001)
        time.sleep(generator.uniform(0, 0.02))
        if not done():
            differ.kill()
            differ.start()
            killed += 1
    return killed


def wave(stack, player, number, version, kills, generator):
    """One run of each package, laid ready while no differ is there."""
    stack.processes["differ-0"].stop()
    for index in range(PACKAGES):
        player.play(f"{number:02x}{index:02x}".ljust(32, "e"), f"package-{index}", version)
    stack.processes["differ-0"].start()
    killed = kill_at_random(stack, kills, generator) if kills else 0
    stack.wait_for("all judged", lambda: stack.sql(
        "SELECT count(*) FROM runs WHERE phase <> 'judged'") == [(0,)], 120)
    return killed


def replay(request, stack, kills, seed):
    """Baselines, then what deviates from them. How often the differ died, and what it left."""
    generator = random.Random(seed)
    player = Player(stack)
    killed = wave(stack, player, 1, "1.0.0", kills // 2, generator)
    killed += wave(stack, player, 2, "1.0.1", kills - killed, generator)
    return killed, dump(stack), announced(request, stack)


@pytest.mark.parametrize("bus", ["postgres", "kafka"])
def test_deaths_leave_no_trace(bus, request, make_stack):
    kills = int(os.environ.get("FANGS_KILLS", KILLS))
    seed = int(os.environ.get("FANGS_SEED", time.time_ns() % 1000000))
    print(f"seed {seed}")
    results = []
    for count in (0, kills):
        stack = make_stack(bus=bus, extra_env=SLOWLY, start=False,
                           counts={"runner": 0, "watcher": 0, "notifier": 0})
        stack.processes["differ-0"].env["FANGS_KAFKA_INSTANCE_ID"] = "the-differ"
        stack.start()
        results.append(replay(request, stack, count, seed))
        stack.stop()
    (_, calm, calm_messages), (killed, disturbed, disturbed_messages) = results
    print(f"{killed} kills, {len(calm)} rows, {len(calm_messages)} messages")
    assert killed >= kills * 0.9, f"only {killed} times"
    assert len([row for row in calm if row.startswith("deviations")]) > PACKAGES
    differences = sorted(set(disturbed) ^ set(calm))
    assert not differences and len(disturbed) == len(calm), \
        "\n".join(line[:400] for line in differences[:10])
    assert disturbed_messages == calm_messages
