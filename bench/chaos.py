#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing lost: clients that resend on every error, while everything is killed at random.

    bench/chaos.py [--seconds 300] [--bus postgres] [--bus kafka] [--seed N]

kill -9 of the gateway, a differ, PostgreSQL (with fsync) and the broker, each started again soon.
At the end every acknowledged event is in the view `events` once, none is there twice, and every run
was judged complete. Starts everything it needs on free ports and stops it again; the binaries are
those of build/release/bin, or of FANGS_BIN_DIR.
"""
import argparse
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from harness.chaos import installation  # noqa: E402 (the harness is found only now)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--bus", action="append", choices=["postgres", "kafka"])
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    for bus in arguments.bus or ["postgres", "kafka"]:
        with tempfile.TemporaryDirectory(prefix="fangs-chaos-") as directory, \
                installation(pathlib.Path(directory), bus, clients=arguments.clients,
                             seed=arguments.seed) as chaos:
            chaos.go(arguments.seconds)
            begin = time.monotonic()
            chaos.check()
            print(f"{bus}: nothing lost, nothing doubled "
                  f"(checked {time.monotonic() - begin:.0f} s later)")
            for what, value in chaos.figures().items():
                print(f"{bus}: {what:24} {value}", flush=True)


if __name__ == "__main__":
    main()
