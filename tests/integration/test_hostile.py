# SPDX-License-Identifier: Apache-2.0
"""Slow and hostile clients cost a connection each, not the service."""
import contextlib
import json
import pathlib
import socket
import statistics
import threading
import time

import pytest
import requests

from harness.stack import Stack
from harness.wait import FACTOR, wait_for

# One installation for all of them.
pytestmark = pytest.mark.xdist_group("hostile")

# Addresses of their own, as strangers have: the limit per address is for them.
ATTACKERS = [f"127.0.0.{last}" for last in range(2, 8)]
CONNECTIONS_PER_PEER = 64
SECONDS = 4
NESTED = 100000
RUN = "ab" * 16
POSTS = ("/v1/runners/register", "/v1/runners/x/heartbeat", "/v1/scans", f"/v1/runs/{RUN}/events",
         f"/v1/runs/{RUN}/result", "/v1/packages")
# Generous: a busy machine must not fail this; what is printed says more.
WORST_ANSWER_S = 10 * FACTOR
MEMORY_GROWTH_MAX = 300 << 20


@pytest.fixture(scope="module")
def stack(postgres, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("hostile"), postgres.create_database(),
                  counts={"runner": 0, "watcher": 0, "notifier": 0},
                  extra_env={"FANGS_API_CONNECTIONS_PER_PEER": str(CONNECTIONS_PER_PEER)})
    stack.start()
    register(stack, "victim")
    assert post_json(stack, "/v1/scans", {"target_runner": "victim", "Job": {
        "package_name": "hostile", "run_id": list(bytes.fromhex(RUN))}}).status_code == 202
    yield stack
    assert set(stack.stop().values()) == {0}


def post_json(stack, path, body):
    return requests.post(stack.gateway() + path, json=body, timeout=60)


def register(stack, runner):
    assert post_json(stack, "/v1/runners/register",
                     {"runner_id": runner, "proto_version": 1}).status_code == 200


def memory(stack):
    status = pathlib.Path(f"/proc/{stack.processes['api-0'].popen.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


class Neighbour(threading.Thread):
    """One well-behaved client: a request after the other, on new connections and on a kept one."""

    def __init__(self, stack, name, request, expected=200):
        super().__init__(daemon=True)
        self.stack, self.name, self.request, self.expected = stack, name, request, expected
        self.took, self.wrong = [], []
        self.ending = threading.Event()
        self.kept = requests.Session()

    def run(self):
        number = 0
        while not self.ending.is_set():
            client = self.kept if number % 2 else requests
            begin = time.monotonic()
            try:
                answer = self.request(client, number)
                if answer.status_code != self.expected:
                    self.wrong.append((answer.status_code, answer.text))
            except requests.RequestException as error:
                self.wrong.append(error)
            self.took.append(time.monotonic() - begin)
            number += 1
            self.ending.wait(0.02)


def neighbours_of(stack):
    url, seqs = stack.gateway(), iter(range(1, 1 << 30))

    def health(client, _):
        return client.get(f"{url}/v1/health", timeout=60)

    def heartbeat(client, _):
        return client.post(f"{url}/v1/runners/victim/heartbeat", json={"status": "idle"},
                           timeout=60)

    def events(client, _):
        event = {"type": 1, "payload": {"PathName": "/proc/1/x", "Flags": 0}}
        return client.post(f"{url}/v1/runs/{RUN}/events", timeout=60,
                           json={"seq": next(seqs), "events": [event] * 20})

    def runs(client, _):
        return client.get(f"{url}/v1/runs", timeout=60)
    return [Neighbour(stack, name, request) for name, request in
            (("health", health), ("heartbeat", heartbeat), ("events", events), ("runs", runs))]


def traffic(stack, while_running):
    """Latencies of the well-behaved by name, while the function runs."""
    neighbours = neighbours_of(stack)
    for neighbour in neighbours:
        neighbour.start()
    try:
        while_running()
    finally:
        for neighbour in neighbours:
            neighbour.ending.set()
        for neighbour in neighbours:
            neighbour.join()
    for neighbour in neighbours:
        assert not neighbour.wrong, (neighbour.name, neighbour.wrong[:3])
        assert len(neighbour.took) > 1, neighbour.name
        assert max(neighbour.took) < WORST_ANSWER_S, neighbour.name
    return {n.name: f"{statistics.median(n.took) * 1000:.1f} ms, worst {max(n.took) * 1000:.0f} ms"
            for n in neighbours}


# The attacks: each goes on until the time is over; being thrown out is fine. --------------------

def connect(stack, source):
    peer = socket.socket()
    peer.settimeout(5)
    peer.bind((source, 0))
    peer.connect(("127.0.0.1", stack.api_ports[0]))
    return peer


def open_many(stack, count, first):
    """Connections from several addresses, each with its first bytes sent."""
    peers = []
    for number in range(count):
        with contextlib.suppress(OSError):
            peer = connect(stack, ATTACKERS[number % len(ATTACKERS)])
            peers.append(peer)
            peer.sendall(first(number))
    return peers


def drip(peers, piece, until):
    while time.monotonic() < until:
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.sendall(piece)
        time.sleep(0.2)
    for peer in peers:
        peer.close()


def post_head(path, length):
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"{length}\r\n\r\n").encode()


def slow_headers(stack, until):
    drip(open_many(stack, 200, lambda _: b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-A: "), b"a",
         until)


def slow_bodies(stack, until):
    drip(open_many(stack, 200, lambda n: post_head(POSTS[n % len(POSTS)],
                                                   "Content-Length: 8000") + b'{"a":"'), b"a",
         until)


def idle_connections(stack, until):
    peers = open_many(stack, 1500, lambda _: b"")
    while time.monotonic() < until:
        time.sleep(0.1)
    for peer in peers:
        peer.close()


def endless_bodies(stack, until):
    """As fast as it goes, in chunks without an end, inside one string."""
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"

    def send(number):
        with contextlib.suppress(OSError):
            peer = connect(stack, ATTACKERS[number % len(ATTACKERS)])
            peer.sendall(post_head(POSTS[number % len(POSTS)], "Transfer-Encoding: chunked"))
            peer.sendall(b"2\r\n{\"\r\n")
            while time.monotonic() < until:
                peer.sendall(chunk)
    at_once(send, 12)


def at_once(function, count):
    threads = [threading.Thread(target=function, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ask(stack, request, source=ATTACKERS[0]):
    """The status of the answer; None when there is none."""
    with contextlib.suppress(OSError), contextlib.closing(connect(stack, source)) as peer:
        with contextlib.suppress(OSError):
            peer.sendall(request)
        answer = peer.recv(4096)
        return int(answer.split()[1]) if answer else None
    return None


def nested_bodies(stack, until):
    bodies = [b"[" * NESTED, b'{"a":' * NESTED, b'{"events":[{"type":1,"payload":' +
              b"[" * NESTED + b"]" * NESTED + b"}]}",
              b'{"target_runner":"x","Job":{"sandbox":' + b'{"env":' * NESTED]
    number = 0
    while time.monotonic() < until:
        path, body = POSTS[number % len(POSTS)], bodies[number // len(POSTS) % len(bodies)]
        status = ask(stack, post_head(path, f"Content-Length: {len(body)}") + body,
                     ATTACKERS[number % len(ATTACKERS)])
        # Nobody takes it for good, nobody fails over it.
        assert status is None or status in (400, 404, 413), (path, status, body[:40])
        number += 1


def huge_lengths(stack, until):
    number = 0
    while time.monotonic() < until:
        path = POSTS[number % len(POSTS)]
        length = (2 << 30, (1 << 63) - 1, 1 << 64, 10 ** 40)[number // len(POSTS) % 4]
        status = ask(stack, post_head(path, f"Content-Length: {length}") + b"[" * 1000,
                     ATTACKERS[number % len(ATTACKERS)])
        assert status is None or status in (400, 404, 413), (path, length, status)
        number += 1


ATTACKS = [slow_headers, slow_bodies, idle_connections, endless_bodies, nested_bodies,
           huge_lengths]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_others_do_not_notice(stack, attack):
    before = traffic(stack, lambda: time.sleep(1))
    calm = memory(stack)
    during = traffic(stack, lambda: attack(stack, time.monotonic() + SECONDS))
    grown = memory(stack) - calm
    print(f"\n{attack.__name__}: memory +{grown / 2**20:.1f} MiB")
    for name in before:
        print(f"  {name}: {before[name]} -> {during[name]}")
    assert grown < MEMORY_GROWTH_MAX
    # Nothing of it lingers.
    wait_for("the strangers are gone", lambda: ask(
        stack, b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == 200, 60)


def test_everything_that_was_acknowledged_is_there(stack):
    """The last one: what the well-behaved posted meanwhile."""
    answer = post_json(stack, f"/v1/runs/{RUN}/result", {"status": "ok"})
    assert answer.status_code == 200 and json.loads(answer.text) == {"recorded": True}
    run = stack.wait_judged("hostile", "")
    assert run["verdict"] == "seeded" and run["complete"], run
