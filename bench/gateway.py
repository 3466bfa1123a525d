#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ingest: recorded batches of an existing runner from 8 connections, until their rows can be queried.

    bench/gateway.py [--bus postgres --bus kafka] [--mode long --mode runs] [--seconds 10]

Starts everything it needs (PostgreSQL with its durable defaults, Kafka, gateway, differ) on free
ports and stops it again. The binaries are those of build/release/bin, or of FANGS_BIN_DIR. Beside
each figure stands what the same rows and bytes cost without us, from the same run: COPY into an
equal table of the existing schema, and one memchr pass. Everything shares this machine's cores.
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import psycopg2  # noqa: E402 (the harness is found only now)

from harness.kafka import Kafka  # noqa: E402
from harness.paths import BIN  # noqa: E402
from harness.postgres import Postgres, query  # noqa: E402
from harness.stack import Stack  # noqa: E402
from harness.wait import wait_for  # noqa: E402

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
GOALS = {"acknowledged": 100000, "queryable": 60000}
RUNS, PACKAGES = 4000, 50
WARM_UP_S = 3
COPIED_ROWS_MAX = 200000


def cpu_of(pid):
    """Seconds of a process and of its children that have ended."""
    with contextlib.suppress(FileNotFoundError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / TICKS_PER_S
    return 0.0


def cpu_with_children(pid):
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return cpu_of(pid) + sum(cpu_of(child) for child in children.split())


def show(what, value, unit="", goal=None):
    against = "" if goal is None else f"  (goal: {goal:,})"
    print(f"  {what:46} {value:12,.1f} {unit}{against}", flush=True)


class Bench:
    def __init__(self, arguments, postgres, kafka):
        self.arguments, self.postgres, self.kafka = arguments, postgres, kafka

    def cpu(self, stack):
        used = {name: cpu_of(stack.processes[f"{name}-0"].popen.pid) for name in ("api", "differ")}
        used["postgres"] = cpu_with_children(self.postgres.process.popen.pid)
        if self.kafka:
            pid = (pathlib.Path(self.kafka.directory) / "pid").read_text().strip()
            used["kafka"] = cpu_of(pid)
        return used

    def make_runs(self, stack):
        """As the dispatcher leaves them when a runner has shown its first sign of life. The first
        of a package to end seeds its baseline, the others are compared with it."""
        ids = [uuid.uuid4().hex for _ in range(RUNS)]
        stack.sql("INSERT INTO runs (id, package_name, version, state, phase, started_at)"
                  " SELECT id, 'bench-' || n %% %s, '1.0.' || n, 'running', 'running', now()"
                  " FROM unnest(%s::text[]) WITH ORDINALITY AS x (id, n)", (PACKAGES, ids))
        return ids

    def wait_queryable(self, stack, events):
        def probe():
            return (stack.sql("SELECT coalesce(sum(events_stored), 0) FROM run_progress")[0][0]
                    >= events)
        wait_for("the rows", probe, 600, 0.05)
        return time.monotonic()

    def one(self, directory, bus, mode):
        directory.mkdir()
        stack = Stack(directory, self.postgres.create_database(), bus=bus,
                      brokers=self.kafka.brokers if self.kafka else "",
                      topic_prefix=f"{mode}.", counts={
                          "dispatcher": 0, "notifier": 0, "watcher": 0, "runner": 0})
        stack.start()
        try:
            self.measure(stack, bus, mode)
        finally:
            stack.stop()
        if self.arguments.verbose:
            print(stack.logs())

    @staticmethod
    def load(stack, mode, seconds, ids):
        done = subprocess.run([BIN / "load_events", str(stack.api_ports[0]), mode, str(seconds),
                               "8", *ids], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def measure(self, stack, bus, mode):
        print(f"{mode}, bus {bus}, 8 connections:")
        ids = self.make_runs(stack)
        # A broker that has just been started interprets its code.
        warm = self.load(stack, "long", WARM_UP_S, ids[:8])["events"]
        self.wait_queryable(stack, warm)
        before = self.cpu(stack)
        began = time.monotonic()
        done = self.load(stack, mode, self.arguments.seconds, ids[8:])
        acknowledged = done["events"] / done["seconds"]
        # The first 50 ms or so of the client are its own preparation.
        ended = self.wait_queryable(stack, warm + done["events"])
        seconds = ended - began
        after = self.cpu(stack)
        stored = stack.sql("SELECT count(*) FROM events")[0][0]
        if stored != warm + done["events"]:
            sys.exit(f"{warm + done['events']} events were acknowledged, {stored} rows are there")
        queryable = done["events"] / seconds
        show("acknowledged", acknowledged, "events/s", GOALS["acknowledged"])
        show("until all rows can be queried", queryable, "events/s", GOALS["queryable"])
        show("events", done["events"], f"in {done['posts']} posts, {done['refused']} refused")
        for name in ("p50", "p90", "p99", "max"):
            show(f"a post's answer, {name}", done[f"{name}_ms"], "ms")
        show("CPU of the client", done["cpu_seconds"], "s")
        for name, used in after.items():
            show(f"CPU of {name}", used - before[name], "s")
        total = done["cpu_seconds"] + sum(used - before[name] for name, used in after.items())
        show("CPU of all, for an event", total / done["events"] * 1e6, "us")
        self.references(stack, acknowledged, queryable)

    def references(self, stack, acknowledged, queryable):
        copied = self.copy_rate(stack)
        show("COPY of the same rows, alone", copied, "events/s")
        show("share of it, until queryable", 100 * queryable / copied, "%")
        for line in subprocess.run([BIN / "wire_parse", "1"], check=True, capture_output=True,
                                   text=True).stdout.splitlines():
            if line.startswith("memchr pass"):
                looked = float(line.split()[2])
                show("one memchr pass over the same bytes, alone", looked, "events/s")
                show("share of it, acknowledged", 100 * acknowledged / looked, "%")

    @staticmethod
    def copy_rate(stack):
        """Into a table as the existing server has it: its key, index and reference."""
        with contextlib.closing(psycopg2.connect(stack.database_url)) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "CREATE TABLE copied (id BIGSERIAL PRIMARY KEY, run_id TEXT NOT NULL"
                " REFERENCES runs (id) ON DELETE CASCADE, ts_ns BIGINT NOT NULL,"
                " type TEXT NOT NULL, data JSONB NOT NULL);"
                " CREATE INDEX copied_by_run ON copied (run_id, ts_ns)")
            connection.commit()
            rows = io.StringIO()
            cursor.copy_expert("COPY (SELECT run_id, ts_ns, type, data FROM events"
                               f" LIMIT {COPIED_ROWS_MAX}) TO STDOUT", rows)
            count = cursor.rowcount
            rows.seek(0)
            began = time.monotonic()
            cursor.copy_expert("COPY copied (run_id, ts_ns, type, data) FROM STDIN", rows)
            connection.commit()
            rate = count / (time.monotonic() - began)
            cursor.execute("DROP TABLE copied")
            connection.commit()
        return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bus", action="append", choices=("postgres", "kafka"))
    parser.add_argument("--mode", action="append", choices=("long", "runs"))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--verbose", action="store_true", help="show the services' logs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fangs-bench-") as name, \
            contextlib.ExitStack() as servers:
        directory = pathlib.Path(name)
        directory.chmod(0o711)
        (directory / "postgres").mkdir()
        postgres = Postgres(directory / "postgres").start()
        servers.callback(postgres.stop)
        settings = query(postgres.url("postgres"), "SELECT name, setting FROM pg_settings WHERE"
                         " name IN ('fsync', 'synchronous_commit', 'shared_buffers', 'wal_level')")
        print(f"PostgreSQL {dict(settings)}, {os.cpu_count()} cores")
        for bus in arguments.bus or ("postgres", "kafka"):
            kafka = None
            if bus == "kafka":
                (directory / "kafka").mkdir()
                kafka = Kafka(directory / "kafka").start()
                servers.callback(kafka.stop)
            for mode in arguments.mode or ("long", "runs"):
                Bench(arguments, postgres, kafka).one(directory / f"{bus}-{mode}", bus, mode)


if __name__ == "__main__":
    main()
