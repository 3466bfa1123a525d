# SPDX-License-Identifier: Apache-2.0
"""Recorded runs of an existing runner, played to a gateway under any name and id."""
import gzip
import json

import requests

from .paths import FIXTURES

WIRE = FIXTURES / "wire"
RUNNER = "rec"


def recorded(name):
    return json.loads((WIRE / name).read_text())


def batches(version):
    """The bodies that were posted, one batch each."""
    return gzip.decompress((WIRE / f"events-{version}.ndjson.gz").read_bytes()).splitlines()


class Player:
    """Plays runs to one gateway over one connection."""

    def __init__(self, stack):
        self.stack = stack
        self.session = requests.Session()
        self._post("/v1/runners/register", json.dumps(recorded("register.json")["body"]))

    def _post(self, path, body):
        answer = self.session.post(self.stack.gateway() + path, data=body, timeout=60)
        answer.raise_for_status()
        return answer

    def begin(self, run_id, package, version):
        """Queues the run and takes its job."""
        job = json.loads(recorded(f"job-{version}.json")["resp"])
        job.update(run_id=list(bytes.fromhex(run_id)), package_name=package)
        self._post("/v1/scans", json.dumps({"target_runner": RUNNER, "Job": job}))
        poll = self.session.get(f"{self.stack.gateway()}/v1/runners/{RUNNER}/jobs", timeout=30)
        assert poll.status_code == 200, poll.text
        assert bytes(poll.json()["run_id"]).hex() == run_id

    def batch(self, run_id, line):
        self._post(f"/v1/runs/{run_id}/events", line)

    def result(self, run_id, version):
        self._post(f"/v1/runs/{run_id}/result",
                   json.dumps(recorded(f"result-{version}.json")["body"]))

    def play(self, run_id, package, version):
        """A whole run."""
        self.begin(run_id, package, version)
        self._post(f"/v1/runs/{run_id}/events", b"".join(batches(version)))
        self.result(run_id, version)
