# SPDX-License-Identifier: Apache-2.0
"""Gateway, differ, database and broker die at random: what was acknowledged is there, once.

bench/chaos.py does the same for longer.
"""
import os

import pytest

from harness.chaos import installation

SECONDS = float(os.environ.get("FANGS_CHAOS_SECONDS", "20"))


@pytest.mark.parametrize("bus", ["postgres", "kafka"])
def test_what_was_acknowledged_is_there_once(bus, tmp_path_factory):
    with installation(tmp_path_factory.mktemp("chaos"), bus) as chaos:
        chaos.go(SECONDS)
        chaos.check()
        figures = chaos.figures()
        assert figures["batches acknowledged"] > 0 and figures["kills"], figures
