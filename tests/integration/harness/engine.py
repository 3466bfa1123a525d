# SPDX-License-Identifier: Apache-2.0
"""The container engine, one for the host: started here when none answers."""
import pathlib
import subprocess
import tempfile

from .wait import wait_for

_started = []


def answers():
    return subprocess.run(["docker", "info"], capture_output=True).returncode == 0


def ensure():
    """What starts it stops it: with several processes of tests, the one that outlives the others."""
    if answers():
        return
    log = pathlib.Path(tempfile.mkdtemp(prefix="fangs-test-dockerd-")) / "log"
    with open(log, "wb") as output:
        _started.append(subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=output,
                                         stderr=output, start_new_session=True))
    try:
        wait_for("dockerd", answers, 60)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log.read_text()[-4000:]}") from None


def stop():
    for daemon in _started:
        daemon.terminate()
        daemon.wait(60)
    _started.clear()
