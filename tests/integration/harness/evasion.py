# SPDX-License-Identifier: Apache-2.0
"""Compares what the evasion suite's helper did with what the sensor told."""
import dataclasses
import json
import os
import re

PREPARER = "preparer"  # the helper's name for processes that only put markers in place
NOT_AN_OPEN = "open"


@dataclasses.dataclass
class Row:
    technique: str
    marker: str
    value: str
    worked: bool
    error: str
    seen: bool = False
    processes: set = dataclasses.field(default_factory=set)


def _is_open(event):
    return event.get("Operation", NOT_AN_OPEN) == NOT_AN_OPEN


def _reads(event):
    """Opens for reading, and links or renames of the file: it has another name from then on."""
    access = event["Flags"] & os.O_ACCMODE
    return access in (os.O_RDONLY, os.O_RDWR) and event.get("Result", 0) >= 0


def _changes(event):
    access = event["Flags"] & os.O_ACCMODE
    return not _is_open(event) or access != os.O_RDONLY or event["Flags"] & os.O_CREAT


def _failed(event):
    return event.get("Result", 0) < 0


def _process(event):
    return event["Header"]["PID"], event.get("StartNs")


def _is_own(row, event):
    return _process(event) in row.processes


def _normal(path):
    """Whosever process it is: it cannot be known before."""
    return re.sub(r"^/proc/\d+/(task/\d+/)?", "/proc/self/", path)


def _file(matches):
    def test(row, event):
        if _normal(event["PathName"]) != row.value or event["CommStr"] == PREPARER:
            return False
        # What others have, too, is the technique's only by its process.
        own = not row.value.startswith("/proc/") or _is_own(row, event)
        return own and matches(event)
    return test


def _connects(row, event):
    address = event["DestIP"]
    return f"{address}:{event['DestPort']}" == row.value and event["CommStr"] != PREPARER


TESTS = {
    "read": ("file_access", _file(_reads)),
    "change": ("file_access", _file(_changes)),
    "probe": ("file_access", _file(_failed)),
    "exec": ("exec", lambda row, e: e["BinaryPathStr"] == row.value and not _failed(e)),
    "exec_failed": ("exec", lambda row, e: e["BinaryPathStr"] == row.value),
    "argument": ("exec", lambda row, e: row.value in e["ArgvStrs"]),
    "connect": ("net_connect", _connects),
    "dns": ("dns_query", lambda row, e: e["QName"].lower() == row.value),
    "dns_broken": ("dns_query", lambda row, e: e["ParseErr"] is not None and _is_own(row, e)),
    "tls": ("tls_sni", lambda row, e: e["SNI"] == row.value),
    "tls_unnamed": ("tls_sni", lambda row, e: e["SNI"] == "" and e["ParseErr"] is None
                    and _is_own(row, e)),
    "tls_broken": ("tls_sni", lambda row, e: e["ParseErr"] is not None and _is_own(row, e)),
    "interface": ("net_connect", lambda row, e: e.get("Interface") == row.value
                  and _is_own(row, e)),
}


def read_report(text):
    """The rows that the helper printed, between other output."""
    return [Row(**json.loads(line)) for line in text.splitlines()
            if line.startswith('{"technique"')]


def report_of_events(events):
    """The same, as the helper tells it by way of the sensor."""
    lines = [event["ArgvStrs"][2] for kind, event in events
             if kind == "exec" and event["ArgvStrs"][:2] == ["evasion", "--quiet"]]
    return read_report("\n".join(lines))


def judge(rows, events):
    """Sets `seen`; events are pairs of type and payload."""
    by_type = {}
    for kind, event in events:
        by_type.setdefault(kind, []).append(event)
    names = {}
    for event in by_type.get("file_access", []):
        folder, _, name = event["PathName"].rpartition("/")
        if folder.endswith(".name"):
            names.setdefault(name, set()).add(_process(event))
    for row in rows:
        row.processes = names.get(row.technique, set())
        kind, test = TESTS[row.marker]
        row.seen = any(test(row, event) for event in by_type.get(kind, []))
    return rows


def table(rows):
    lines = [f"{'technique':18} {'marker':12} {'worked':34} seen"]
    for row in rows:
        worked = "yes" if row.worked else f"no: {row.error}"
        seen = ("yes" if row.seen else "NO") if row.worked else "-"
        lines.append(f"{row.technique:18} {row.marker:12} {worked:34} {seen}")
    worked = [row for row in rows if row.worked]
    seen = sum(row.seen for row in worked)
    lines.append(f"{len(rows)} techniques, {len(worked)} worked, {seen} of these seen")
    return "\n".join(lines)
