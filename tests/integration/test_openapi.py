# SPDX-License-Identifier: Apache-2.0
"""The gateway does what docs/openapi.yaml says: schemathesis against a filled installation."""
import os
import pathlib
import subprocess
import sys

import pytest
import requests

from harness.paths import ROOT
from test_replay import recorded, replay_run, send_as_recorded

DOCUMENT = ROOT / "docs" / "openapi.yaml"
# Where scripts/test puts it: it is not in Debian.
SCHEMATHESIS = os.environ.get("FANGS_SCHEMATHESIS", "")
EXAMPLES = os.environ.get("FANGS_OPENAPI_EXAMPLES", "25")

# Answers never end, or come after the poll's 25 s.
ENDLESS = ["/v1/live", "/v1/runners/{id}/jobs"]
STRICT = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
          "missing_required_header,unsupported_method")
# Existing runners may send what they like, and existing servers answer other methods with 404.
LENIENT = ("not_a_server_error,status_code_conformance,content_type_conformance,"
           "response_headers_conformance,response_schema_conformance")


@pytest.fixture
def filled(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0})
    send_as_recorded(stack, recorded("register.json"))
    ids = {}
    for version in ("1.0.0", "1.0.1"):
        ids[version] = replay_run(stack, version)[0]
        stack.wait_judged("delta-demo", version)
    fill(stack, ids)
    return stack


def test_the_document_is_served(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0, "differ": 0, "notifier": 0,
                               "dispatcher": 0})
    answer = requests.get(f"{stack.gateway()}/v1/openapi.yaml", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.content == DOCUMENT.read_bytes()


def fill(stack, ids):
    """A row of every resource, so that answers have items and some requests find what they name."""
    stack.sql("INSERT INTO packages (name, added_at) VALUES ('left-pad', now())")
    stack.sql("INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, "
              "published_at, discovered_at) VALUES ('left-pad', '1.3.0', '', '', now(), now())")
    for name, template in (("hook", "generic"), ("chat", "slack")):
        stack.add_notifier("https://hooks.example.test/secret", name=name, template=template)
    stack.sql("UPDATE notifiers SET enabled = false")
    stack.sql("INSERT INTO notifications (id, run_id, notifier_name, attempt, status, created_at) "
              "VALUES ('n-1', %s, 'hook', 1, 'failed', now())", (ids["1.0.1"],))
    for kind, value in (("path", "/usr/lib/"), ("cidr", "10.0.0.0/8"), ("sni", "a.example")):
        added = stack.post("/v1/allow-entries", {"kind": kind, "value": value})
        assert added.status_code == 201, added.text
    assert stack.post(f"/v1/runs/{ids['1.0.1'][:12]}/reject", {"by": "x"}).status_code == 200


def schemathesis(stack, *arguments):
    command = [sys.executable, "-m", "schemathesis.cli", "run", DOCUMENT, "--url", stack.gateway(),
               "--max-examples", EXAMPLES, "--generation-deterministic",
               "--phases", "examples,coverage,fuzzing", "--no-color", "--request-timeout", "20",
               *arguments]
    for path in ENDLESS:
        command += ["--exclude-path", path]
    env = {**os.environ, "PYTHONPATH": SCHEMATHESIS, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=900,
                          env=env, cwd=stack.directory)
    report = pathlib.Path(stack.directory) / "schemathesis.log"
    report.write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-4000:]


needs_schemathesis = pytest.mark.skipif(
    not SCHEMATHESIS, reason="FANGS_SCHEMATHESIS does not say where schemathesis is installed")


@needs_schemathesis
def test_the_json_api_is_as_described(filled):
    schemathesis(filled, "--checks", STRICT, "--exclude-tag", "runner protocol")
    assert filled.get("/readyz") == {"status": "ready"}


@needs_schemathesis
def test_the_runner_protocol_is_as_described(filled):
    schemathesis(filled, "--checks", LENIENT, "--include-tag", "runner protocol")
    assert filled.get("/readyz") == {"status": "ready"}
