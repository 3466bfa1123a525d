# SPDX-License-Identifier: Apache-2.0
"""Servers of the session and installations of the tests.

With `pytest -n 3` several processes share the tests out. Each has servers of its own, but for the
container engine.
"""
import itertools
import os
import subprocess

import pytest

from harness import engine, leftovers
from harness.claims import locked
from harness.kafka import Kafka
from harness.neighbours import NAMED, Neighbours
from harness.paths import ROOT, SCRIPTS, let_others_enter
from harness.postgres import Postgres
from harness.registry import Registry
from harness.stack import Stack

_numbers = itertools.count(1)

DEMO = SCRIPTS / "demo"
STACKS = pytest.StashKey()


# The longest first: none of them is to begin when the others have nothing left.
LONGEST = ["benign", "attacks", "hostile", "evasion", "exactly_once", "crash", "chaos", "drain"]


def _rank(item):
    name = item.path.stem.removeprefix("test_")
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_rank)


def pytest_sessionstart(session):
    # Of several processes that share the tests out, the one that outlives the others.
    if session.config.getoption("numprocesses", None):
        engine.ensure()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    engine.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails shows what its services wrote."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections += [("services", stack.logs()) for stack in item.stash.get(STACKS, [])]


@pytest.fixture(scope="session", autouse=True)
def nothing_left():
    """The servers of the session ask for it, so that it looks when they have ended."""
    yield
    left = leftovers.remove()
    assert not left, "left behind:\n" + "\n".join(left)


@pytest.fixture(scope="session")
def postgres(nothing_left, tmp_path_factory):
    server = Postgres(let_others_enter(tmp_path_factory.mktemp("postgres"))).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka(nothing_left, tmp_path_factory):
    server = Kafka(tmp_path_factory.mktemp("kafka")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def docker(nothing_left):
    """A container engine with the image node:20-slim."""
    with locked("docker"):
        engine.ensure()
        subprocess.run([SCRIPTS / "make-node-image"], check=True)


@pytest.fixture(scope="session")
def registry(docker, tmp_path_factory):
    server = Registry(tmp_path_factory.mktemp("registry")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def neighbours(nothing_left, tmp_path_factory):
    servers = Neighbours(tmp_path_factory.mktemp("neighbours")).start()
    yield servers
    servers.stop()


@pytest.fixture
def package(registry, neighbours):
    """The name of a fresh package; `release(version)` publishes it as the demo's."""
    class Package:
        name = f"delta-demo-{next(_numbers)}"

        def release(self, version):
            registry.publish(DEMO / f"package-{version}", name=self.name,
                             replace={NAMED: neighbours.attacker})
    return Package()


@pytest.fixture
def make_stack(request, postgres, tmp_path):
    """Starts installations and stops them after the test, with their logs when it failed."""
    stacks = request.node.stash[STACKS] = []

    def make(bus="postgres", start=True, **options):
        number = next(_numbers)
        directory = tmp_path / f"stack{number}"
        directory.mkdir()
        if bus == "kafka":
            options.setdefault("brokers", request.getfixturevalue("kafka").brokers)
            options.setdefault("topic_prefix", f"t{number}.")
        database_url = options.pop("database_url", None) or postgres.create_database()
        stack = Stack(directory, database_url, bus=bus, **options)
        stacks.append(stack)
        return stack.start() if start else stack

    yield make
    codes = {stack: stack.stop() for stack in stacks}
    # A service that crashed by itself is a failure, whatever the test saw.
    for stack in stacks:
        bad = {key: code for key, code in codes[stack].items() if code not in (0, -9)}
        assert not bad, f"exit codes {bad}\n{stack.logs()}"


@pytest.fixture(scope="session")
def source_root():
    return ROOT
