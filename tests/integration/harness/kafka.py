# SPDX-License-Identifier: Apache-2.0
"""A real Kafka broker (KRaft, one node) for the test session."""
import os
import pathlib
import signal
import subprocess

from .paths import SCRIPTS
from .processes import free_port


class Kafka:
    def __init__(self, directory):
        self.directory = str(directory)
        self.port, self.controller_port = free_port(), free_port()

    @property
    def brokers(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        subprocess.run([SCRIPTS / "dev-kafka", "start", self.directory, str(self.port),
                        str(self.controller_port)], check=True)
        return self

    def stop(self):
        subprocess.run([SCRIPTS / "dev-kafka", "stop", self.directory], check=True)

    def kill(self):
        """As a crash; `start()` brings it back."""
        pid = int((pathlib.Path(self.directory) / "pid").read_text())
        os.kill(pid, signal.SIGKILL)

    def read_all(self, topic):
        """The values of everything in the topic, as text."""
        done = subprocess.run(["kcat", "-b", self.brokers, "-C", "-t", topic, "-o", "beginning",
                               "-e", "-q", "-f", "%s\n"], check=True, capture_output=True)
        return done.stdout.decode("utf-8", "replace").splitlines()
