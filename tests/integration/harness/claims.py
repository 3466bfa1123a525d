# SPDX-License-Identifier: Apache-2.0
"""What processes of tests that run at the same time must not both use: addresses, ports, servers.

A claim is the name of an abstract socket: the kernel gives each name once, and takes it back when
its holder ends, however that ends.
"""
import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import subprocess
import tempfile

_held = {}


def claim(name):
    """True when the name is this process's from now on, until `release()`."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0fangs-test/{name}")
    except OSError as error:
        holder.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    _held[name] = holder
    return True


def release(name):
    _held.pop(name).close()


@contextlib.contextmanager
def locked(name):
    """One process at a time: for what is made once and used by all."""
    path = pathlib.Path(tempfile.gettempdir()) / f"fangs-test-{name}.lock"
    with open(path, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def unique(name):
    """A name of this process of tests only, where names are the host's."""
    return f"{name}-{os.getpid()}"


def is_unique(name):
    return f"-{os.getpid()}-" in f"{name}-"


# Addresses of the documentation range, on this host's loopback.
CANDIDATES = [f"192.0.2.{last}" for last in range(100, 250)]


def _loopback(action, address):
    subprocess.run(["ip", "address", action, f"{address}/32", "dev", "lo"], check=True)


def add_address():
    address = next(filter(claim, CANDIDATES))
    # One that was killed may have left it.
    _loopback("replace", address)
    return address


def remove_address(address):
    _loopback("del", address)
    release(address)


def addresses():
    """Those that were added and not removed."""
    return [name for name in _held if name in CANDIDATES]
