# SPDX-License-Identifier: Apache-2.0
"""What the evasion suite's helper did in the machine, and what the sensor told of it."""
import json
import pathlib
import re
import sys

from harness.evasion import judge, read_report, table

# Only the second witness sees these, for which it needs the mounts of a sandbox.
ONLY_WITNESSED = {"E18-swap"}

# What the kernel itself does not tell before this version (docs/sensor.md, "Kernels").
SINCE = {"E30-unix-send": (6, 7)}


def too_new(folder):
    """Techniques that this kernel has no hook for."""
    release = re.match(r"kernel (\d+)\.(\d+)", (folder / "summary").read_text())
    version = tuple(int(number) for number in release.groups())
    return {technique for technique, since in SINCE.items() if version < since}


def main(folder):
    lines = [json.loads(line) for line in (folder / "evasion.jsonl").read_text().splitlines()]
    events = [(line["type"], line["event"]) for line in lines[:-1]]
    rows = judge(read_report((folder / "evasion.report").read_text()), events)
    print(table(rows))
    unseen = {row.technique for row in rows if row.worked and not row.seen}
    unseen -= ONLY_WITNESSED | too_new(folder)
    end = lines[-1]
    print(f"not seen: {sorted(unseen)}; tier {end['tier']}, lost {end['lost_total']}, "
          f"malformed {end['malformed']}")
    return 1 if unseen or end["lost_total"] or end["malformed"] or len(rows) < 150 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
