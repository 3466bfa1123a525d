# SPDX-License-Identifier: Apache-2.0
"""Child processes of the tests: logs in files, ended by pid, never left behind."""
import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import weakref

from .claims import claim

PR_SET_PDEATHSIG = 1


FIRST_PORT = 11000  # those below are the scripts' (scripts/lib.sh)
PORTS_AT_ONCE = 200


def _ports():
    """Of this process only: block by block, below those that the kernel takes for connections."""
    limits = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    end = max(int(limits.split()[0]), FIRST_PORT + 20 * PORTS_AT_ONCE)
    for first in range(FIRST_PORT, end - PORTS_AT_ONCE, PORTS_AT_ONCE):
        if claim(f"ports-{first}"):
            yield from range(first, first + PORTS_AT_ONCE)


_candidates = _ports()


def free_port(address="127.0.0.1"):
    """Free now, never given twice, and of no outgoing connection until its server starts."""
    for port in _candidates:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
    raise AssertionError("all ports are taken")


@contextlib.contextmanager
def refusing_port(address="127.0.0.1"):
    """A port where nothing listens, and where nothing else can begin to."""
    with socket.socket() as holder:
        holder.bind((address, free_port(address)))
        yield holder.getsockname()[1]


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


_started = weakref.WeakSet()


def started():
    """The processes that anybody here has started, and still knows."""
    return list(_started)


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
        _started.add(self)
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
