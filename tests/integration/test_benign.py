# SPDX-License-Identifier: Apache-2.0
"""Real packages, release after release: no deviation comes from the package manager's noise.

The packages are those of the registry that npm is configured for, behind the tests' own registry
server. A deviation that remains is a change of behaviour that a person has looked at and that stands
in benign/changes.json, or the test fails. FANGS_BENIGN=full scans all releases of all packages,
otherwise the first two of each are.
"""
import collections
import json
import os
import re

import pytest

from harness import corpus

# Both use all that a machine has: one after the other.
pytestmark = pytest.mark.xdist_group("corpora")

FULL = os.environ.get("FANGS_BENIGN") == "full"
REPEATED = ["esbuild", "axios", "es5-ext", "core-js"] if FULL else ["esbuild"]
REPEATS = 5


@pytest.fixture(scope="module")
def folder(source_root):
    return source_root / "tests" / "integration" / "benign"


@pytest.fixture
def stack(make_stack, registry):
    if not corpus.reachable(registry.url, "ms"):
        pytest.skip("the registry that npm is configured for cannot be reached from here")
    return make_stack(registry_url=registry.url, slots=corpus.SLOTS, counts={"watcher": 0})


def known_change(changes, package, version, deviation):
    return any(change["package"] == package and change["version"] == version and
               change["category"] == deviation["category"] and
               re.fullmatch(change["value"], deviation["value"]) for change in changes)


def releases_in_order(stack, package, versions):
    """(version, run, deviations) of each; what deviates is promoted, as a person would."""
    found = []
    for version in versions:
        run = corpus.scan(stack, package, version)
        deviations = stack.deviations(run["id"])
        found.append((version, run, deviations))
        if run["verdict"] == "deviates":
            stack.cli("baseline", "promote", run["id"])
    return package, found


def test_releases_of_real_packages(stack, folder):
    packages = json.loads((folder / "packages.json").read_text())
    changes = json.loads((folder / "changes.json").read_text())
    jobs = [(name, versions if FULL else versions[:2]) for name, versions in packages.items()]
    noise, verdicts = [], collections.Counter()
    for package, found in corpus.each(lambda job: releases_in_order(stack, *job), jobs):
        for index, (version, run, deviations) in enumerate(found):
            verdicts[run["verdict"]] += 1
            assert run["complete"], (package, version, run)
            assert run["verdict"] == "seeded" or index, (package, version, run)
            for deviation in deviations:
                known = known_change(changes, package, version, deviation)
                print("change" if known else "NOISE", corpus.line(package, version, deviation))
                if not known:
                    noise.append(corpus.line(package, version, deviation))
    print(dict(verdicts))
    assert not noise, f"{len(noise)} false deviations:\n" + "\n".join(noise)


def test_the_same_release_again_and_again(stack, folder):
    packages = json.loads((folder / "packages.json").read_text())

    def scans(package):
        return [corpus.scan(stack, package, packages[package][0]) for _ in range(REPEATS)]
    for package, runs in zip(REPEATED, corpus.each(scans, REPEATED), strict=True):
        found = [corpus.line(package, run["version"], deviation)
                 for run in runs for deviation in stack.deviations(run["id"])]
        assert not found, "\n".join(found)
        assert [run["verdict"] for run in runs] == ["seeded"] + ["clean"] * (REPEATS - 1)
