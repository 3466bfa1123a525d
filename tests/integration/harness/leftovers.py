# SPDX-License-Identifier: Apache-2.0
"""What this process of tests should not leave on the host: found, removed, and told."""
import contextlib
import os
import pathlib
import subprocess

from . import claims, processes

CGROUPS = pathlib.Path("/sys/fs/cgroup")
RUNNER_LABEL = "io.fangs.runner"
RUNNER_XATTR = "trusted.fangs.runner"


def _docker(*arguments):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def _containers():
    rows = _docker("ps", "--all", "--format", f'{{{{.ID}}}} {{{{.Label "{RUNNER_LABEL}"}}}}')
    for identity, _, runner in (row.partition(" ") for row in rows):
        if claims.is_unique(runner):
            _docker("rm", "--force", "--volumes", identity)
            yield f"container {identity} of {runner}"


def _cgroups():
    for pattern in ("fangs/*", "fangs.slice/*", "unified/fangs/*"):
        for folder in CGROUPS.glob(pattern):
            with contextlib.suppress(OSError):
                runner = os.getxattr(folder, RUNNER_XATTR).decode()
                if claims.is_unique(runner):
                    folder.rmdir()
                    yield f"cgroup {folder} of {runner}"


def _addresses():
    for address in claims.addresses():
        claims.remove_address(address)
        yield f"address {address} on lo"


def _processes():
    for process in processes.started():
        if process.running:
            process.kill()
            yield f"process {process.name}:\n{process.tail()}"


def remove():
    """Descriptions of what was there."""
    return [*_processes(), *_containers(), *_cgroups(), *_addresses()]
