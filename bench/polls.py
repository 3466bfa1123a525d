#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many idle long polls on one gateway: what they cost, and how fast a scan reaches one of them.

    bench/polls.py [--polls 10000] [--samples 200] [--bus postgres]

Starts everything it needs on free ports and stops it again. The binaries are those of
build/release/bin, or of FANGS_BIN_DIR. Prints one figure a line.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import requests  # noqa: E402 (the harness is found only now)

from harness.paths import BIN  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.stack import Stack  # noqa: E402
from harness.wait import wait_for  # noqa: E402

PREFIX = "idle-"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
GOALS = {"bytes": 8192, "cpu": 2.0, "median": 20, "p99": 100}


class Load:
    """The runners: one process with a connection each."""

    def __init__(self, port, polls, repoll_ms):
        self.process = subprocess.Popen(
            [BIN / "load_polls", str(port), str(polls), PREFIX, str(repoll_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.jobs, self.errors = {}, []
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            kind, index, value = line.split()
            with self.changed:
                if kind == "job":
                    self.jobs[int(index)] = int(value)
                else:
                    self.errors.append((int(index), int(value)))
                self.changed.notify_all()

    def wait_job(self, count, timeout=30):
        """Waits until `count` jobs have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.jobs) >= count, timeout), \
                f"no job came within {timeout} s"

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


def cpu_seconds(pid):
    """User and system time of a process, so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def cpu_of_children(pid):
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    total = 0.0
    for child in children.split():
        with contextlib.suppress(FileNotFoundError):
            total += cpu_seconds(child)
    return total


def memory(pid):
    """Resident bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def polls_waiting(stack):
    for line in requests.get(f"{stack.gateway()}/metrics", timeout=10).text.splitlines():
        if line.startswith("fangs_polls_waiting "):
            return float(line.split()[1])
    return 0


def show(what, value, goal=None, unit=""):
    against = "" if goal is None else f"  (goal: {goal:g} {unit})"
    print(f"{what:58} {value:10.2f} {unit}{against}", flush=True)


def measure_cpu(stack, postgres, seconds, what, goal=None):
    processes = {"gateway": stack.processes["api-0"].popen.pid,
                 "dispatcher": stack.processes["dispatcher-0"].popen.pid}
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    database = cpu_of_children(postgres.process.popen.pid)
    time.sleep(seconds)
    for name, pid in processes.items():
        show(f"{what}: CPU of the {name}", (cpu_seconds(pid) - before[name]) / seconds * 100,
             goal if name == "gateway" else None, "% of a core")
    show(f"{what}: CPU of the database",
         (cpu_of_children(postgres.process.popen.pid) - database) / seconds * 100,
         None, "% of a core")


def scan_latencies(stack, load, samples, target):
    """From just before the request until the poll's answer was read; milliseconds."""
    session = requests.Session()
    took = []
    for sample in range(samples):
        known = len(load.jobs)
        runner = f"{PREFIX}{sample}" if target is None else target
        body = {"target_runner": runner, "Job": {"kind": "sensor_only", "version": str(sample),
                                                 "package_name": "bench"}}
        begin = time.monotonic_ns()
        answer = session.post(f"{stack.gateway()}/v1/scans", json=body, timeout=60)
        assert answer.status_code == 202, answer.text
        load.wait_job(known + 1)
        took.append((max(load.jobs.values()) - begin) / 1e6)
        time.sleep(0.02)
    return sorted(took)


def show_latencies(what, took):
    show(f"{what}: median of {len(took)}", statistics.median(took), GOALS["median"], "ms")
    show(f"{what}: 99th percentile", took[int(len(took) * 0.99) - 1], GOALS["p99"], "ms")
    show(f"{what}: worst", took[-1], None, "ms")


def make_stack(directory, postgres, name, bus, poll):
    folder = directory / name
    folder.mkdir()
    return Stack(folder, postgres.create_database(), bus=bus,
                 counts={"runner": 0, "watcher": 0, "notifier": 0, "differ": 0},
                 extra_env={"FANGS_API_POLL": poll, "FANGS_API_CONNECTIONS_PER_PEER": "0",
                            "FANGS_API_CONNECTIONS_MAX": "50000"})


@contextlib.contextmanager
def hanging(stack, polls, repoll_ms):
    """The installation with that many registered runners, whose polls all wait."""
    stack.start()
    stack.sql("INSERT INTO runners (id, status) SELECT %s || n, 'idle' "
              "FROM generate_series(0, %s) n", (PREFIX, polls - 1))
    stack.sql("ANALYZE runners")
    for _ in range(50):
        polls_waiting(stack)
    empty = memory(stack.processes["api-0"].popen.pid)
    load = Load(stack.api_ports[0], polls, repoll_ms)
    try:
        begin = time.monotonic()
        wait_for("all polls hang", lambda: polls_waiting(stack) >= polls, 120)
        show("time until all polls hang", time.monotonic() - begin, None, "s")
        yield load, empty
    finally:
        load.stop()
        stack.stop()


def keep_alive(stack):
    """What the heartbeats of the runners do, without their cost."""
    stack.sql("UPDATE runners SET last_seen_at = now() + interval '1 hour'")


def idle(directory, postgres, arguments):
    stack = make_stack(directory, postgres, "idle", arguments.bus, "10m")
    with hanging(stack, arguments.polls, 5000) as (load, empty):
        time.sleep(2)
        full = memory(stack.processes["api-0"].popen.pid)
        show("gateway's memory without polls", empty / 2**20, None, "MiB")
        show("gateway's memory with polls", full / 2**20, None, "MiB")
        show("memory of a poll", (full - empty) / arguments.polls, GOALS["bytes"], "bytes")
        measure_cpu(stack, postgres, arguments.seconds, "idle", GOALS["cpu"])
        keep_alive(stack)
        show_latencies("scan for a named runner",
                       scan_latencies(stack, load, arguments.samples, None))
        stack.sql("UPDATE runs SET phase = 'judged', lease_expires_at = NULL")
        load.jobs.clear()
        show_latencies("scan for any runner", scan_latencies(stack, load, arguments.samples, "*"))
        assert not load.errors, load.errors[:5]


def steady(directory, postgres, arguments):
    """As existing runners do it: 25 s each, 5 s between two."""
    stack = make_stack(directory, postgres, "steady", arguments.bus, "25s")
    with hanging(stack, arguments.polls, 5000) as (load, _):
        time.sleep(30)
        measure_cpu(stack, postgres, max(arguments.seconds, 30), "polled again after 25 s + 5 s")
        show("memory of the gateway then",
             memory(stack.processes["api-0"].popen.pid) / 2**20, None, "MiB")
        assert not load.errors, load.errors[:5]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--polls", type=int, default=10000)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--bus", choices=["postgres"], default="postgres")
    parser.add_argument("--skip-steady", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fangs-polls-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o711)
        (directory / "postgres").mkdir()
        postgres = Postgres(directory / "postgres").start()
        try:
            idle(directory, postgres, arguments)
            if not arguments.skip_steady:
                steady(directory, postgres, arguments)
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
