#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The differ as a process: how soon a run's deviations are on their topic, and what a long run costs.

    bench/differ_speed.py [--bus postgres --bus kafka] [--runs 60] [--events 1000000]

Starts everything it needs (PostgreSQL, Kafka, gateway, dispatcher, differ) on free ports and stops it
again. The binaries are those of build/release/bin, or of FANGS_BIN_DIR.

Delay: recorded runs that deviate, one at a time; from the moment at which the last batch of events is
posted (over HTTP, the result right behind it) until a consumer of the topic `deviations` has the
verdict, which comes after the run's last deviation. Memory: the differ's resident memory while one
run of so many events goes through, above what it had before; once with the recorded events over and
over, and once with a program of its own in each event.
"""
import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from harness.kafka import Kafka  # noqa: E402 (the harness is found only now)
from harness.postgres import Postgres  # noqa: E402
from harness.replay import Player, batches  # noqa: E402
from harness.stack import Stack  # noqa: E402

DELAY_GOAL_MS, MEMORY_GOAL_MB = 50, 64
EVENTS_PER_BATCH, BATCHES_PER_POST = 64, 64


class Verdicts:
    """When the verdict of a run was seen on the topic."""

    def __init__(self, stack):
        self.stack = stack
        self.seen = {}
        self.ending = False
        follow = self._follow_kafka if stack.bus == "kafka" else self._follow_table
        self.thread = threading.Thread(target=follow, daemon=True)
        self.thread.start()

    def _note(self, text):
        message = json.loads(text)
        if message["type"] == "verdict":
            self.seen.setdefault(message["run_id"], time.monotonic())

    def _follow_kafka(self):
        self.kcat = subprocess.Popen(
            ["kcat", "-b", self.stack.env["FANGS_KAFKA_BROKERS"], "-C", "-u", "-q", "-t",
             f"{self.stack.topic_prefix}deviations", "-o", "beginning", "-X",
             "fetch.wait.max.ms=5"], stdout=subprocess.PIPE, text=True)
        for line in self.kcat.stdout:
            self._note(line)

    def _follow_table(self):
        import psycopg2
        with contextlib.closing(psycopg2.connect(self.stack.database_url)) as connection:
            connection.autocommit = True
            cursor, after = connection.cursor(), {}
            while not self.ending:
                cursor.execute("SELECT partition, log_offset, value FROM bus_messages WHERE "
                               "topic = 'deviations' ORDER BY 1, 2")
                for partition, offset, value in cursor.fetchall():
                    if offset > after.get(partition, -1):
                        after[partition] = offset
                        self._note(bytes(value))
                time.sleep(0.002)

    def wait(self, run_id, timeout=30):
        deadline = time.monotonic() + timeout
        while run_id not in self.seen:
            assert time.monotonic() < deadline, f"no verdict of {run_id}\n{self.stack.logs()}"
            time.sleep(0.001)
        return self.seen[run_id]

    def stop(self):
        self.ending = True
        if self.stack.bus == "kafka":
            self.kcat.kill()
        self.thread.join()


def new_run(player, package, version):
    run_id = uuid.uuid4().hex
    player.begin(run_id, package, version)
    return run_id


def delays(stack, player, runs):
    """Milliseconds, one of each run."""
    *earlier, last = batches("1.0.1")
    found = []
    for number in range(runs):
        player.play(uuid.uuid4().hex, f"package-{number}", "1.0.0")
    stack.wait_for("baselines, and so the topic", lambda: stack.sql(
        "SELECT count(*) FROM runs WHERE phase <> 'judged'") == [(0,)], 120)
    verdicts = Verdicts(stack)
    for number in range(runs):
        run_id = new_run(player, f"package-{number}", "1.0.1")
        player.batch(run_id, b"".join(earlier))
        time.sleep(0.2)
        begin = time.monotonic()
        player.batch(run_id, last)
        player.result(run_id, "1.0.1")
        found.append((verdicts.wait(run_id) - begin) * 1000)
    verdicts.stop()
    return sorted(found)


def repeated(number):
    """The recorded events, over and over."""
    if not repeated.events:
        repeated.events = [event for line in batches("1.0.1")
                           for event in json.loads(line)["events"]]
    return repeated.events[number % len(repeated.events)]


repeated.events = []


def different(number):
    """A program of its own."""
    return {"type": 2, "payload": {"Header": {"TsNs": number, "PID": 1, "Type": 2},
                                   "BinaryPathStr": f"/usr/bench/{number}", "CommStr": "sh"}}


def memory(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def long_run(stack, player, package, event_of, events):
    """Megabytes that the differ took above what it had, and seconds until the verdict."""
    player.play(uuid.uuid4().hex, package, "1.0.0")
    pid = stack.processes["differ-0"].popen.pid
    run_id = new_run(player, package, "1.0.1")
    time.sleep(1)
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest mark begins anew
    before, begin = memory(pid, "VmRSS"), time.monotonic()
    body, sent, seq = [], 0, 0
    while sent < events:
        count = min(EVENTS_PER_BATCH, events - sent)
        seq += 1
        body.append(json.dumps({"run_id": list(bytes.fromhex(run_id)), "seq": seq, "events": [
            event_of(sent + index) for index in range(count)]}).encode())
        sent += count
        if len(body) == BATCHES_PER_POST or sent == events:
            player.batch(run_id, b"".join(body))
            body = []
    player.result(run_id, "1.0.1")
    stack.wait_for("the long run judged", lambda: stack.sql(
        "SELECT phase FROM runs WHERE id = %s", (run_id,)) == [("judged",)], 600)
    stored = stack.sql("SELECT events_stored FROM run_progress WHERE run_id = %s", (run_id,))
    assert stored == [(events,)], stored
    return memory(pid, "VmHWM") - before, time.monotonic() - begin


def measure(stack, arguments):
    player = Player(stack)
    found = delays(stack, player, arguments.runs)
    print(f"  last event to deviations on the topic: {statistics.median(found):.0f} ms at the "
          f"median, {found[int(len(found) * 0.95)]:.0f} ms at 95 % (goal: {DELAY_GOAL_MS} ms)")
    for what, event_of in (("recorded events", repeated), ("different programs", different)):
        megabytes, seconds = long_run(stack, player, f"long-{event_of.__name__}", event_of,
                                      arguments.events)
        print(f"  a run of {arguments.events:,} {what}: {megabytes:.0f} MB above idle "
              f"(goal: {MEMORY_GOAL_MB} MB), {seconds:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bus", action="append", choices=("postgres", "kafka"))
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--events", type=int, default=1000000)
    arguments = parser.parse_args()
    for bus in arguments.bus or ("postgres", "kafka"):
        print(f"{bus}:", flush=True)
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as servers:
            directory = pathlib.Path(folder)
            directory.chmod(0o711)
            for name in ("postgres", "services"):
                (directory / name).mkdir()
            database = Postgres(directory / "postgres").start()
            servers.callback(database.stop)
            broker = Kafka(directory / "kafka").start() if bus == "kafka" else None
            if broker:
                servers.callback(broker.stop)
            stack = Stack(directory / "services", database.create_database(), bus=bus,
                          brokers=broker.brokers if broker else "",
                          counts={"runner": 0, "watcher": 0, "notifier": 0}).start()
            servers.callback(stack.stop)
            measure(stack, arguments)


if __name__ == "__main__":
    main()
