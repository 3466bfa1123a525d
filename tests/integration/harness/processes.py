# SPDX-License-Identifier: Apache-2.0
"""Child processes of the tests: logs in files, ended by pid, never left behind."""
import ctypes
import os
import signal
import socket
import subprocess

PR_SET_PDEATHSIG = 1


def free_port(address="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One program with its log; `start()` may be called again after its end."""

    def __init__(self, name, argv, log_path, env=None, user=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.log_path = log_path
        self.env = {**os.environ, **(env or {})}
        self.user = user
        self.popen = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                user=self.user, preexec_fn=_die_with_parent)
        return self

    @property
    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def kill(self):
        """As a crash: no chance to clean up."""
        if self.running:
            self.popen.kill()
        self.popen.wait()

    def stop(self, timeout=30, sig=signal.SIGTERM):
        """Asks it to end; returns the exit code."""
        if self.running:
            self.popen.send_signal(sig)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {timeout} s:\n{self.tail()}")

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])
