# SPDX-License-Identifier: Apache-2.0
"""Scans of a whole corpus: several packages at a time, each one's releases in their order."""
import concurrent.futures
import json
import subprocess

SLOTS = 4  # half of a scan is waiting
SCAN_SECONDS = 180  # generous: a machine that does other things, too, needs a minute
SCAN_TIMEOUT = 2 * SCAN_SECONDS


def each(function, items):
    """`function(item)` for all of them, so many at a time; the results in their order."""
    with concurrent.futures.ThreadPoolExecutor(SLOTS) as pool:
        return list(pool.map(function, items))


def reachable(registry_url, package):
    """The registry knows the package: its own, or the one that npm is configured for."""
    done = subprocess.run(["npm", "view", package, "name", "--registry", registry_url, "--json"],
                          capture_output=True, text=True, timeout=60)
    return done.returncode == 0 and json.loads(done.stdout or "null") == package


def scan(stack, package, version, **sandbox):
    """One scan, judged. With members of a sandbox the job is spelled out, else it is the
    default one of a release."""
    if not sandbox:
        return stack.scan(package, version)
    answer = stack.post("/v1/scans", {"target_runner": "*", "Job": {
        "kind": "sandbox_scan", "package_name": package, "version": version,
        "duration": SCAN_SECONDS * 10**9,
        "sandbox": {"image": "node:20-slim", "user": "0:0", "network_mode": "bridge",
                    "grace_period": 2 * 10**9, **sandbox}}})
    assert answer.status_code == 202, answer.text
    run_id = answer.json()["run_id"]

    def judged():
        run = stack.get(f"/v1/runs/{run_id}")
        return run if run["phase"] == "judged" else None
    return stack.wait_for(f"{package}@{version} judged", judged, SCAN_TIMEOUT)


def line(package, version, deviation):
    """One deviation for a table."""
    return (f"{package}@{version}: {deviation['severity']} {deviation['actor']} "
            f"{deviation['category']} {deviation['value']} ({deviation['process']})")
