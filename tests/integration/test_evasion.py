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

from harness.evasion import PREPARER, judge, read_report, report_of_events, table
from harness.paths import BIN, let_others_enter

BOX = pathlib.Path(__file__).parent / "evasion" / "box.sh"
SKIPPED = 77

# Only the second witness sees these, for which it needs the mounts of a sandbox.
ONLY_WITNESSED = {"E18-swap"}
SWAPS = 500

# What `seccomp_deny` closes: that it was tried is told all the same, by these names.
DENIED = "io_uring,compat,sockets"
DENIED_INTERFACES = {"io_uring", "packet", "vsock", "alg"}


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


def check(rows, unseen=frozenset()):
    print(table(rows))
    assert len(rows) > 150
    missed = {row.technique for row in rows if row.worked and not row.seen} - unseen
    assert not missed, f"not seen: {sorted(missed)}\n{table(rows)}"


def test_all_that_works_is_seen(open_directory):
    rows, events, end = trace(open_directory)
    check(judge(rows, events), ONLY_WITNESSED)
    assert end["lost_total"] == 0 and end["malformed"] == 0


def package_of_helper(directory, name):
    """A package whose postinstall performs the techniques below a folder of credentials: of these
    scans also tell who looks whether they are there."""
    directory.mkdir()
    (directory / "package.json").write_text(json.dumps({
        "name": name, "version": "1.0.0",
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


def check_witness(events):
    """What exec opens itself only the second witness sees; each race of E18-swap is an open."""
    opened = [event for kind, event in events if kind == "file_access"]
    assert any("Result" not in event for event in opened), "the second witness told nothing"
    swapped = {event["PathName"] for event in opened if "/E18-swap/" in event["PathName"]
               and event["CommStr"] != PREPARER}
    assert len(swapped) == SWAPS, f"{len(swapped)} of {SWAPS} opens were told"


def check_denied(rows, events):
    denied = [row for row in rows if row.marker == "interface" and not row.worked
              and row.value in DENIED_INTERFACES]
    assert {row.value for row in denied} >= {"io_uring", "packet"}, table(rows)
    unseen = [row.technique for row in denied if not row.seen]
    assert not unseen, f"denied and not seen: {unseen}\n{table(rows)}"
    told = {event.get("Interface") for kind, event in events if kind == "net_connect"}
    assert "sigsys" in told, told


@pytest.mark.parametrize("deny", ["", DENIED], ids=["open", "denied"])
def test_all_that_works_in_a_sandbox_is_seen(make_stack, registry, tmp_path, deny):
    name = "delta-evasion-denied" if deny else "delta-evasion"
    registry.publish(package_of_helper(tmp_path / "package", name))
    stack = make_stack(registry_url=registry.url, extra_env={"FANGS_SECCOMP_DENY": deny})
    run = stack.scan(name, "1.0.0")
    assert run["complete"], run
    events = events_of_run(stack, run["id"])
    rows = judge(report_of_events(events), events)
    check(rows)
    check_witness(events)
    if deny:
        check_denied(rows, events)
    helper = [event for kind, event in events
              if kind == "exec" and event["BinaryPathStr"].endswith(f"/{name}/evasion")]
    assert helper and all(event["Package"] == name for event in helper)
    assert all(event["Actor"] == "package" for event in helper)
