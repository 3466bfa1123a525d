# SPDX-License-Identifier: Apache-2.0
"""Clients that send until it is acknowledged, while whatever they depend on is killed at random.

Each event has a number of its own in its path, below /proc, so that its path is normalized to the
same for all: a run has one fingerprint, which counts its events. Each is a write, which counts whoever
it is by.
"""
import collections
import contextlib
import itertools
import json
import os
import random
import threading
import time

import requests

from .kafka import Kafka
from .paths import let_others_enter
from .postgres import Postgres
from .stack import Stack

# Leases and offers must outlast what is done to the database, jobs must come back soon.
PATIENCE = {"FANGS_API_LEASE": "10m", "FANGS_DISPATCHER_LEASE": "10m",
            "FANGS_API_OFFER_TIMEOUT": "2s", "FANGS_DISPATCHER_OFFER_TIMEOUT": "10m",
            "FANGS_API_CONNECTIONS_PER_PEER": "0"}
EVENTS_PER_BATCH, BATCHES_PER_RUN, CONNECTIONS_PER_RUN = 20, 150, 2
ANSWER_TIMEOUT_S = 12


def _event(number):
    return {"type": 1, "payload": {"Header": {"TsNs": number, "PID": 1, "Type": 1},
                                   "Flags": os.O_WRONLY, "PathName": f"/proc/{number}/chaos",
                                   "CommStr": "node"}}


class Run:
    """What a client knows of a run of its own."""

    def __init__(self, package):
        self.package = package
        self.wire_id = None
        self.seqs = itertools.count(1)
        self.acknowledged = {}  # seq: numbers of its events
        self.unacknowledged = {}


class Chaos:
    """`victims` are (name, kill, start); `start` returns when it serves, or soon will."""

    def __init__(self, stack, victims, clients=4, seed=None):
        self.stack = stack
        self.victims = victims
        self.clients = clients
        self.random = random.Random(seed)
        self.numbers = itertools.count(100000)
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.runs = []
        self.answers = collections.Counter()
        self.kills = collections.Counter()
        self.failures = []
        self.seconds = 0

    # The clients.
    def _until(self, method, path, accepted, **options):
        """Sends the same again until the answer is one of those; None: never was it sent well."""
        session = getattr(threading.current_thread(), "session", None) or requests.Session()
        threading.current_thread().session = session
        while True:
            try:
                answer = session.request(method, self.stack.gateway() + path,
                                         timeout=ANSWER_TIMEOUT_S, **options)
                status = answer.status_code
            except requests.RequestException as error:
                status = type(error).__name__
            with self.lock:
                self.answers[status] += 1
            if status in accepted:
                return answer
            if isinstance(status, int) and status < 500 and status != 429:
                raise AssertionError(f"{method} {path}: {status} {answer.text}")
            time.sleep(0.05)

    def _begin(self, client, number):
        runner = f"chaos-{client}"
        run = Run(f"chaos-{client}-{number}")
        run_id = f"{client + 1:02x}{number + 1:06x}".ljust(32, "c")
        self._until("POST", "/v1/runners/register", {200},
                    json={"runner_id": runner, "proto_version": 1})
        self._until("POST", "/v1/scans", {202, 409}, json={
            "target_runner": runner, "Job": {"package_name": run.package, "version": "1.0.0",
                                             "run_id": list(bytes.fromhex(run_id))}})
        while run.wire_id is None:
            answer = self._until("GET", f"/v1/runners/{runner}/jobs", {200, 204})
            if answer.status_code == 200:
                run.wire_id = bytes(answer.json()["run_id"]).hex()
        with self.lock:
            self.runs.append(run)
        return run

    def _send_batches(self, run):
        while not self.ending.is_set():
            with self.lock:
                seq = next(run.seqs)
                numbers = list(itertools.islice(self.numbers, EVENTS_PER_BATCH))
                if seq > BATCHES_PER_RUN:
                    return
                run.unacknowledged[seq] = numbers
            body = json.dumps({"run_id": list(bytes.fromhex(run.wire_id)), "seq": seq,
                               "events": [_event(number) for number in numbers]})
            self._until("POST", f"/v1/runs/{run.wire_id}/events", {200}, data=body)
            with self.lock:
                run.acknowledged[seq] = run.unacknowledged.pop(seq)

    def _finish(self, run):
        self._until("POST", f"/v1/runs/{run.wire_id}/result", {200}, json={
            "status": "ok", "events_emitted": EVENTS_PER_BATCH * len(run.acknowledged)})

    def _guarded(self, function, *arguments):
        try:
            function(*arguments)
        except Exception as error:  # the main thread shows it
            self.failures.append(error)
            self.ending.set()

    def _client(self, client):
        for number in itertools.count():
            if self.ending.is_set():
                return
            run = self._begin(client, number)
            senders = [threading.Thread(target=self._guarded, args=(self._send_batches, run))
                       for _ in range(CONNECTIONS_PER_RUN)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            self._finish(run)

    # The rest of the world. Processes belong to the thread that starts them: the caller's.
    def go(self, seconds, pause=(1.0, 5.0)):
        clients = [threading.Thread(target=self._guarded, args=(self._client, client))
                   for client in range(self.clients)]
        begin = time.monotonic()
        for client in clients:
            client.start()
        try:
            while time.monotonic() - begin < seconds and not self.ending.is_set():
                self.ending.wait(self.random.uniform(*pause))
                name, kill, start = self.random.choice(self.victims)
                kill()
                self.kills[name] += 1
                time.sleep(self.random.uniform(0, 1.5))
                start()
        finally:
            self.ending.set()
            for client in clients:
                client.join()
        self.seconds = time.monotonic() - begin
        if self.failures:
            raise self.failures[0]

    # What came of it.
    def check(self, timeout=180):
        """Every acknowledged event is there once, none is there twice, and the differ says so."""
        self.stack.wait_for("all runs judged", lambda: self.stack.sql(
            "SELECT count(*) FROM runs WHERE phase <> 'judged'") == [(0,)], timeout)
        refused = self.stack.sql("SELECT service, reason, count(*) FROM dead_letters GROUP BY 1, 2")
        assert refused == [], refused
        missing, doubled = 0, 0
        for run in self.runs:
            seen = collections.Counter(row[0] for row in self.stack.sql(
                "SELECT e.data->>'PathName' FROM events e WHERE e.run_id = "
                "(SELECT run_id FROM run_attempts WHERE wire_id = %s)", (run.wire_id,)))
            sent = [f"/proc/{number}/chaos" for numbers in run.acknowledged.values()
                    for number in numbers]
            missing += sum(path not in seen for path in sent)
            doubled += sum(count > 1 for count in seen.values())
            counts = self.stack.sql(
                "SELECT r.verdict, r.complete, r.incomplete_reason, (SELECT sum(f.count)::bigint "
                "FROM run_fingerprints f WHERE f.run_id = r.id) FROM runs r "
                "WHERE r.package_name = %s", (run.package,))
            expected = [("seeded", True, "", len(sent) or None)]
            assert counts == expected, (run.package, counts, expected)
        assert (missing, doubled) == (0, 0), f"{missing} missing, {doubled} doubled"

    def figures(self):
        batches = sum(len(run.acknowledged) for run in self.runs)
        answers = dict(sorted(self.answers.items(), key=str))
        return {"seconds": round(self.seconds, 1), "runs": len(self.runs),
                "batches acknowledged": batches,
                "events acknowledged": batches * EVENTS_PER_BATCH,
                "kills": dict(sorted(self.kills.items())), "answers": answers}


@contextlib.contextmanager
def installation(directory, bus, **options):
    """One of its own, with servers of its own, all of which may be killed."""
    let_others_enter(directory)
    (directory / "postgres").mkdir()
    (directory / "services").mkdir()
    database = Postgres(directory / "postgres").start()
    broker = Kafka(directory / "kafka").start() if bus == "kafka" else None
    stack = None
    try:
        stack = Stack(directory / "services", database.create_database(), bus=bus,
                      brokers=broker.brokers if broker else "", extra_env=PATIENCE,
                      counts={"runner": 0, "watcher": 0, "notifier": 0, "differ": 2}).start()
        victims = [(name, stack.processes[name].kill, stack.processes[name].start)
                   for name in ("api-0", "differ-0")]
        victims.append(("postgres", database.kill, database.start))
        if broker:
            victims.append(("kafka", broker.kill, broker.start))
        yield Chaos(stack, victims, **options)
        codes = stack.stop()
        assert set(codes.values()) == {0}, codes
    finally:
        if stack:
            for process in stack.processes.values():
                if process.running:
                    process.kill()
        if broker:
            broker.stop()
        database.stop()
