# SPDX-License-Identifier: Apache-2.0
"""Servers of the session and installations of the tests."""
import itertools
import subprocess

import pytest

from harness.kafka import Kafka
from harness.neighbours import Neighbours
from harness.paths import ROOT, SCRIPTS
from harness.postgres import Postgres
from harness.processes import Process
from harness.registry import Registry
from harness.stack import Stack
from harness.wait import wait_for

_numbers = itertools.count(1)

DEMO = SCRIPTS / "demo"


def _docker_answers():
    return subprocess.run(["docker", "info"], capture_output=True).returncode == 0


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    server = Postgres(_open_directory(tmp_path_factory)).start()
    yield server
    server.stop()


def _open_directory(factory):
    """One that the user `postgres` may enter."""
    directory = factory.mktemp("postgres")
    for parent in [directory, *directory.parents][:4]:
        if parent.stat().st_uid == 0 and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o711)
    return directory


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    server = Kafka(tmp_path_factory.mktemp("kafka")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def docker(tmp_path_factory):
    """A container engine with the image node:20-slim; started here when none answers."""
    daemon = None
    if not _docker_answers():
        daemon = Process("dockerd", ["dockerd"], tmp_path_factory.mktemp("docker") / "log").start()
        wait_for("dockerd", _docker_answers, 60)
    subprocess.run([SCRIPTS / "make-node-image"], check=True)
    yield
    if daemon:
        daemon.stop(timeout=60)


@pytest.fixture(scope="session")
def registry(docker, tmp_path_factory):
    server = Registry(tmp_path_factory.mktemp("registry")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def neighbours(tmp_path_factory):
    servers = Neighbours(tmp_path_factory.mktemp("neighbours")).start()
    yield servers
    servers.stop()


@pytest.fixture
def package(registry):
    """The name of a fresh package; `release(version)` publishes it as the demo's."""
    class Package:
        name = f"delta-demo-{next(_numbers)}"

        def release(self, version):
            registry.publish(DEMO / f"package-{version}", name=self.name)
    return Package()


@pytest.fixture
def make_stack(request, postgres, tmp_path):
    """Starts installations and stops them after the test, with their logs when it failed."""
    stacks = []

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
    for stack in stacks:
        codes = stack.stop()
        # A service that crashed by itself is a failure, whatever the test saw.
        bad = {key: code for key, code in codes.items() if code not in (0, -9)}
        assert not bad, f"exit codes {bad}\n{stack.logs()}"


@pytest.fixture(scope="session")
def source_root():
    return ROOT
