# SPDX-License-Identifier: Apache-2.0
"""Everything that can be done without capabilities is seen, whatever way it is done.

The helper (tests/integration/evasion) performs the techniques and says which of them worked; here
the sensor's events are searched for what each of them must have left behind.
"""
import json
import pathlib
import shutil
import subprocess

import pytest

from harness.evasion import judge, read_report, report_of_events, table
from harness.paths import BIN, let_others_enter

BOX = pathlib.Path(__file__).parent / "evasion" / "box.sh"
SKIPPED = 77


def trace(directory, *arguments, tier="auto"):
    """Runs the helper under the sensor; its report and the events."""
    markers = directory / "m"
    events = directory / "events.jsonl"
    directory.chmod(0o777)
    report = subprocess.run(
        [BIN / "sensor_trace", "-t", tier, "-o", events, "-w", markers, "-s", "/proc/self/",
         "-s", f"{markers}/E17-stat", "-f", "unshare", "unshare", "--net", BOX, BIN / "evasion",
         markers, *arguments],
        capture_output=True, text=True, timeout=300)
    if report.returncode == SKIPPED:
        pytest.skip("the sensor needs root")
    assert report.returncode == 0, report.stderr
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    return read_report(report.stdout), [(line["type"], line["event"]) for line in lines[:-1]], \
        lines[-1]


@pytest.fixture
def open_directory(tmp_path):
    return let_others_enter(tmp_path)


def check(rows):
    print(table(rows))
    assert len(rows) > 150
    missed = {row.technique for row in rows if row.worked and not row.seen}
    assert not missed, f"not seen: {sorted(missed)}\n{table(rows)}"


def test_all_that_works_is_seen(open_directory):
    rows, events, end = trace(open_directory)
    check(judge(rows, events))
    assert end["lost_total"] == 0 and end["malformed"] == 0


def package_of_helper(directory):
    """A package whose postinstall performs the techniques below a folder of credentials: of these
    scans also tell who looks whether they are there."""
    directory.mkdir()
    (directory / "package.json").write_text(json.dumps({
        "name": "delta-evasion", "version": "1.0.0",
        "scripts": {"postinstall": "mkdir /root/.aws && ./evasion /root/.aws/m >/dev/null"}}))
    shutil.copy(BIN / "evasion", directory / "evasion")
    return directory


def events_of_run(stack, run_id):
    events, cursor = [], ""
    while cursor is not None:
        page = stack.get(f"/v1/runs/{run_id}/events?limit=500{cursor}")
        events += [(item["type"], item["data"]) for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else None
    return events


def test_all_that_works_in_a_sandbox_is_seen(make_stack, registry, tmp_path):
    registry.publish(package_of_helper(tmp_path / "package"))
    stack = make_stack(registry_url=registry.url)
    run = stack.scan("delta-evasion", "1.0.0")
    assert run["complete"], run
    events = events_of_run(stack, run["id"])
    check(judge(report_of_events(events), events))
    helper = [event for kind, event in events
              if kind == "exec" and event["BinaryPathStr"].endswith("/delta-evasion/evasion")]
    assert helper and all(event["Package"] == "delta-evasion" for event in helper)
    assert all(event["Actor"] == "package" for event in helper)
