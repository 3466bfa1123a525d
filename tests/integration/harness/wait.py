# SPDX-License-Identifier: Apache-2.0
"""Polling with a deadline: tests never sleep for luck."""
import os
import time

# Slow machines stretch every deadline at once.
FACTOR = float(os.environ.get("FANGS_TEST_TIMEOUT_FACTOR", "1"))


def wait_for(what, probe, timeout=30.0, step=0.1):
    """Returns the first truthy value of `probe()`; fails with `what` at the deadline."""
    deadline = time.monotonic() + timeout * FACTOR
    last_error = None
    while True:
        try:
            value = probe()
            if value:
                return value
            last_error = None
        except Exception as error:  # a server that is not up yet raises anything
            last_error = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s ({last_error or 'still not'})")
        time.sleep(step)
