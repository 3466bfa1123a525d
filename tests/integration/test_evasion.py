# SPDX-License-Identifier: Apache-2.0
"""Everything that can be done without capabilities is seen, whatever way it is done.

The helper (tests/integration/evasion) performs the techniques and says which of them worked; here
the sensor's events are searched for what each of them must have left behind.
"""
import json
import os
import pathlib
import subprocess

import pytest

from harness.evasion import judge, read_report, table
from harness.paths import BIN

BOX = pathlib.Path(__file__).parent / "evasion" / "box.sh"
SKIPPED = 77

# What no hook of the tier `tracepoint` sees, with the reason; see docs/sensor.md.
INVISIBLE = {
    "E15-vm-readv": "memory of another process of the sandbox: no file is opened",
    "E17-stat": "attributes of a file are read, not the file",
    "E17-stat-absent": "as E17-stat",
}


def trace(directory, *arguments, tier="auto"):
    """Runs the helper under the sensor; its report and the events."""
    markers = directory / "m"
    events = directory / "events.jsonl"
    directory.chmod(0o777)
    report = subprocess.run(
        [BIN / "sensor_trace", "-t", tier, "-o", events, "-w", markers, "-s", "/proc/self/",
         "unshare", "--net", BOX, BIN / "evasion", markers, *arguments],
        capture_output=True, text=True, timeout=300)
    if report.returncode == SKIPPED:
        pytest.skip("the sensor needs root")
    assert report.returncode == 0, report.stderr
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    return read_report(report.stdout), [(line["type"], line["event"]) for line in lines[:-1]], \
        lines[-1]


@pytest.fixture
def open_directory(tmp_path):
    """One that the helper's user may enter."""
    for parent in [tmp_path, *tmp_path.parents][:4]:
        if parent.stat().st_uid == os.getuid() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o711)
    return tmp_path


def check(rows):
    print(table(rows))
    assert len(rows) > 150
    missed = {row.technique for row in rows if row.worked and not row.seen}
    assert missed <= set(INVISIBLE), f"not seen: {sorted(missed - set(INVISIBLE))}\n{table(rows)}"


def test_all_that_works_is_seen(open_directory):
    rows, events, end = trace(open_directory)
    check(judge(rows, events))
    assert end["lost_total"] == 0 and end["malformed"] == 0
