# SPDX-License-Identifier: Apache-2.0
"""The runner protocol byte for byte, with the leniencies that existing clients rely on.

The recorded session is in test_replay.py; here is what a recording does not show.
"""
import concurrent.futures
import json
import random
import socket
import threading
import time

import pytest
import requests

from harness.stack import Stack
from harness.wait import FACTOR, wait_for

# One installation for all of them.
pytestmark = pytest.mark.xdist_group("wire_compat")

PEER = "compat"
UNKNOWN_RUN = "f" * 32
RESULT_MAX = 16384
DEFAULT_WATCHED = [
    {"prefix": "/etc/"}, {"prefix": "/etc/shadow", "cred_tagged": True},
    {"prefix": "/etc/passwd", "cred_tagged": True}, {"prefix": "/root/"},
    {"prefix": "/root/.ssh/", "cred_tagged": True}, {"prefix": "/root/.aws/", "cred_tagged": True},
    {"prefix": "/root/.npmrc", "cred_tagged": True},
    {"prefix": "/root/.docker/", "cred_tagged": True},
    {"prefix": "/root/.kube/", "cred_tagged": True},
    {"prefix": "/root/.gnupg/", "cred_tagged": True},
    {"prefix": "/proc/self/environ", "cred_tagged": True}, {"prefix": "/tmp/"},
    {"prefix": "/usr/"}, {"prefix": "/dev/"}]


@pytest.fixture(scope="module")
def stack(postgres, tmp_path_factory):
    """One for all: each test has its own runners and runs."""
    stack = Stack(tmp_path_factory.mktemp("compat"), postgres.create_database(),
                  counts={"runner": 0, "watcher": 0, "notifier": 0, "api": 2},
                  extra_env={"FANGS_API_POLL": "1s", "FANGS_API_CONNECTIONS_PER_PEER": "0"})
    stack.start()
    yield stack
    assert set(stack.stop().values()) == {0}


def send(stack, method, path, body=None, gateway=0, **options):
    """As a client that sends no header which it need not."""
    data = body.encode() if isinstance(body, str) else body
    return requests.request(method, stack.gateway(gateway) + path, data=data, timeout=40,
                            allow_redirects=False, **options)


def check(answer, status, text, content_type="application/json"):
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Content-Length"] == str(len(answer.content))


def error(text):
    return json.dumps({"error": text}, separators=(",", ":"), ensure_ascii=False) + "\n"


def raw(stack, request):
    """What the server answers to these bytes, all of it."""
    with socket.create_connection(("127.0.0.1", stack.api_ports[0]), timeout=20) as peer:
        peer.sendall(request)
        answer = b""
        while piece := peer.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def register(stack, runner=PEER, gateway=0):
    body = json.dumps({"runner_id": runner, "proto_version": 1})
    check(send(stack, "POST", "/v1/runners/register", body, gateway), 200,
          '{"ok":true,"orchestrator_id":"fangs-orchestrator","job_poll_interval":5000000000,'
          '"heartbeat_interval":30000000000}\n')


def queue(stack, runner=PEER, package="", gateway=0, **job):
    answer = send(stack, "POST", "/v1/scans", json.dumps(
        {"target_runner": runner, "Job": {"package_name": package, **job}}), gateway)
    assert answer.status_code == 202, answer.text
    return answer.json()["run_id"]


def new_run(stack, runner, package):
    """A run that its runner has fetched."""
    register(stack, runner)
    run = queue(stack, runner, package, version="1.0.0")
    job = wait_for("the job", lambda: send(stack, "GET", f"/v1/runners/{runner}/jobs").content)
    assert bytes(json.loads(job)["run_id"]).hex() == run
    return run


def file_event(path, **payload):
    return {"type": 1, "payload": {"Header": {"TsNs": 1, "PID": 7, "Type": 1}, "Flags": 0,
                                   "PathName": path, "CommStr": "node", **payload}}


def batch(seq, *events):
    return json.dumps({"run_id": [0] * 16, "seq": seq, "events": list(events)})


def post(stack, run, body, gateway=0):
    return send(stack, "POST", f"/v1/runs/{run}/events", body, gateway)


def counted(persisted, batches):
    return (f'{{"persisted":{persisted},"received_batches":{batches},'
            f'"received_events":{persisted}}}\n')


def stored(stack, run, count):
    """The rows of a run, once there are that many."""
    def rows():
        return stack.sql("SELECT type, data FROM events WHERE run_id = %s ORDER BY id", (run,))
    wait_for(f"{count} rows", lambda: len(rows()) >= count)
    found = rows()
    assert len(found) == count
    return found


# Health and what is not there. -------------------------------------------------------------------

def test_health(stack):
    answer = send(stack, "GET", "/v1/health")
    check(answer, 200, '{"status":"ok","orchestrator_id":"fangs-orchestrator","version":"%s"}\n'
          % answer.json()["version"])
    head = send(stack, "HEAD", "/v1/health")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


@pytest.mark.parametrize("method,path,status,allow", [
    ("GET", "/nothing", 404, None),
    ("GET", "/v1/scans", 404, None),
    ("GET", "/v1/runs/a/b/c/d", 404, None),
    ("POST", "/nothing", 405, "GET, HEAD"),
    ("DELETE", "/v1/health", 405, "GET, HEAD"),
    ("PUT", "/v1/scans", 405, "POST"),
    ("PATCH", "/v1/runs/x/result", 405, "POST"),
])
def test_unmatched(stack, method, path, status, allow):
    answer = send(stack, method, path)
    text = "404 page not found\n" if status == 404 else "Method Not Allowed\n"
    check(answer, status, text, "text/plain; charset=utf-8")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if allow:
        assert set(allow.split(", ")) <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("path,status", [("/", 302), ("/ui", 307)])
def test_redirects_to_the_dashboard(stack, path, status):
    answer = send(stack, "GET", path)
    assert (answer.status_code, answer.headers["Location"]) == (status, "/ui/")


# Register. ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("body,text", [
    ("", "decode body: EOF"),
    ("{}", "missing runner_id"),
    ('{"runner_id":""}', "missing runner_id"),
    ('{"runner_id":null,"proto_version":1}', "missing runner_id"),
    ('{"runner_id":"x"}', "proto_version 0 != orchestrator 1"),
    ('{"runner_id":"x","proto_version":2}', "proto_version 2 != orchestrator 1"),
    ("null", "missing runner_id"),
])
def test_register_refuses_in_this_order(stack, body, text):
    check(send(stack, "POST", "/v1/runners/register", body), 400, error(text))


@pytest.mark.parametrize("body", [
    '{"RUNNER_ID":"lenient","Proto_Version":1}',
    '{"runner_id":"other","runner_id":"lenient","proto_version":1}',
    '{"runner_id":"lenient","proto_version":1,"capabilities":null,"new":{"a":[1,{}]}} trailing',
    ' \n{"runner_id":"lenient","capabilities":["sensor"],"proto_version":1}{"second":1}',
])
def test_register_is_lenient(stack, body):
    answer = send(stack, "POST", "/v1/runners/register", body,
                  headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 200 and answer.json()["ok"] is True
    assert stack.sql("SELECT id FROM runners WHERE id IN ('lenient', 'other')") == [("lenient",)]


def test_register_names_the_field_that_is_wrong(stack):
    answer = send(stack, "POST", "/v1/runners/register", '{"runner_id":5}')
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("decode body: ") and "runner_id" in answer.text


# Heartbeat. ---------------------------------------------------------------------------------------

def test_heartbeat(stack):
    register(stack, "beating")
    path = "/v1/runners/beating/heartbeat"
    check(send(stack, "POST", path, ""), 200, '{"ok":true}\n')
    check(send(stack, "POST", path, '{"status":"running","active_run_id":"%s"}' % ("0" * 32)), 200,
          '{"ok":true}\n')
    assert stack.sql("SELECT status, active_run_id FROM runners WHERE id = 'beating'") == [
        ("running", "0" * 32)]
    # An absent status stays, an absent run does not.
    check(send(stack, "POST", path, '{"events_queued":3}'), 200, '{"ok":true}\n')
    assert stack.sql("SELECT status, active_run_id FROM runners WHERE id = 'beating'") == [
        ("running", "")]


def test_heartbeat_of_an_unknown_runner(stack):
    check(send(stack, "POST", "/v1/runners/nobody/heartbeat", '{"status":"idle"}'), 200,
          '{"ok":false,"unknown_runner":true}\n')
    # The body is read first.
    answer = send(stack, "POST", "/v1/runners/nobody/heartbeat", "{")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("decode heartbeat: ")


def test_a_chunked_heartbeat_is_not_looked_at(stack):
    register(stack, "chunked")
    check(send(stack, "POST", "/v1/runners/chunked/heartbeat", iter([b"no", b" JSON"])), 200,
          '{"ok":true}\n')


def test_a_percent_encoded_runner_id(stack):
    register(stack, "a/b c")
    check(send(stack, "POST", "/v1/runners/a%2Fb%20c/heartbeat", "{}"), 200, '{"ok":true}\n')


# Jobs. --------------------------------------------------------------------------------------------

def test_a_poll_without_a_job(stack):
    register(stack, "idle")
    status, head, body = raw(stack, b"GET /v1/runners/idle/jobs HTTP/1.1\r\nHost: x\r\n"
                                    b"Connection: close\r\n\r\n")
    assert (status, body) == (204, b"")
    assert b"content-type" not in head.lower()


def test_a_poll_of_an_unknown_runner(stack):
    check(send(stack, "GET", "/v1/runners/nobody/jobs"), 404,
          error("runner not registered; POST /v1/runners/register first"))


def test_head_takes_no_job(stack):
    register(stack, "headed")
    run = queue(stack, "headed")
    wait_for("the lease", lambda: stack.sql(
        "SELECT 1 FROM runs WHERE id = %s AND phase = 'leased'", (run,)))
    head = send(stack, "HEAD", "/v1/runners/headed/jobs")
    assert head.content == b""
    served = send(stack, "GET", "/v1/runners/headed/jobs")
    assert bytes(served.json()["run_id"]).hex() == run


def test_of_two_polls_one_gets_the_job(stack):
    """Also when they hang at two gateways; any poll is a sign of life."""
    register(stack, "twice")
    stack.sql("UPDATE runners SET last_seen_at = now() - interval '60 s' WHERE id = 'twice'")
    answers = []
    polls = [threading.Thread(target=lambda g=gateway: answers.append(
        send(stack, "GET", "/v1/runners/twice/jobs", gateway=g))) for gateway in (0, 1)]
    for poll in polls:
        poll.start()
    run = queue(stack, "twice", gateway=1)
    for poll in polls:
        poll.join()
    statuses = sorted(answer.status_code for answer in answers)
    if statuses == [204, 204]:  # the job came after a second without one
        answers.append(send(stack, "GET", "/v1/runners/twice/jobs"))
    jobs = [answer.json() for answer in answers if answer.status_code == 200]
    assert [bytes(job["run_id"]).hex() for job in jobs] == [run]
    assert stack.sql("SELECT last_seen_at > now() - interval '30 s' FROM runners "
                     "WHERE id = 'twice'") == [(True,)]


# Scans. -------------------------------------------------------------------------------------------

def test_a_scan_with_nothing_but_its_target(stack):
    register(stack, "defaults")
    answer = send(stack, "POST", "/v1/scans", '{"target_runner":"defaults"}')
    run = answer.json()["run_id"]
    check(answer, 202, f'{{"queued":true,"run_id":"{run}"}}\n')
    assert len(run) == 32 and set(run) <= set("0123456789abcdef")
    assert stack.sql("SELECT state, attempt, is_baseline, started_at IS NOT NULL FROM runs "
                     "WHERE id = %s", (run,)) == [("pending", 1, False, True)]
    job = wait_for("the job", lambda: send(stack, "GET", "/v1/runners/defaults/jobs").content)
    job = json.loads(job)
    assert list(job) == ["run_id", "kind", "watched_paths", "duration", "dispatched_at"]
    assert bytes(job["run_id"]).hex() == run
    assert (job["kind"], job["duration"]) == ("sensor_only", 10_000_000_000)
    key = lambda path: path["prefix"]  # noqa: E731
    assert sorted(job["watched_paths"], key=key) == sorted(DEFAULT_WATCHED, key=key)


def test_a_scan_as_the_existing_cli_asks_for_it(stack):
    register(stack, "cli")
    sandbox = {"image": "node:20-slim", "command": ["sh", "-c", "a <b> && c"], "user": "0:0",
               "network_mode": "bridge", "pull_policy": "missing", "grace_period": 2000000000}
    body = {"Job": {"run_id": [0] * 16, "kind": "sandbox_scan", "package_name": "left-pad",
                    "version": "1.3.0", "watched_paths": None, "duration": 60000000000,
                    "dispatched_at": "0001-01-01T00:00:00Z", "sandbox": sandbox},
            "target_runner": "cli"}
    run = send(stack, "POST", "/v1/scans", json.dumps(body)).json()["run_id"]
    assert run != "0" * 32
    text = wait_for("the job", lambda: send(stack, "GET", "/v1/runners/cli/jobs").text)
    job = json.loads(text)
    assert job["sandbox"] == sandbox and list(job["sandbox"]) == list(sandbox)
    assert (job["package_name"], job["version"]) == ("left-pad", "1.3.0")
    assert not job["dispatched_at"].startswith("0001")
    assert text.endswith("\n")


@pytest.mark.parametrize("key", ["Job", "job", "JOB"])
def test_keys_of_a_scan_match_in_any_case(stack, key):
    register(stack, "cases")
    body = {"TARGET_RUNNER": "cases", key: {"Package_Name": "cased", "VERSION": key}}
    run = send(stack, "POST", "/v1/scans", json.dumps(body)).json()["run_id"]
    assert stack.sql("SELECT package_name, version FROM runs WHERE id = %s", (run,)) == [
        ("cased", key)]


def test_a_given_run_id_is_kept(stack):
    register(stack, "given")
    ours = list(range(200, 216))
    assert queue(stack, "given", run_id=ours) == bytes(ours).hex()
    # Short ones are padded, long ones cut.
    assert queue(stack, "given", run_id=[201, 2, 3]) == "c90203" + "00" * 13
    assert queue(stack, "given", run_id=[202] * 18) == "ca" * 16


@pytest.mark.parametrize("target,quoted", [
    ("nobody", r'\"nobody\"'),
    ('a"b', r'\"a\\\"b\"'),
    ("back\\slash", r'\"back\\\\slash\"'),
    ("new\nline", r'\"new\\nline\"'),
    ("ünï", r'\"ünï\"'),
])
def test_a_scan_for_an_unknown_runner(stack, target, quoted):
    answer = send(stack, "POST", "/v1/scans", json.dumps({"target_runner": target, "Job": {}}))
    check(answer, 404, f'{{"error":"target_runner {quoted} not registered"}}\n')


@pytest.mark.parametrize("body", [
    "", "[", '{"target_runner":"x","Job":{"duration":"10s"}}',
    '{"target_runner":"x","Job":{"run_id":"abc"}}',
    '{"target_runner":"x","Job":{"run_id":[256]}}',
    '{"target_runner":"x","Job":{"dispatched_at":"yesterday"}}',
])
def test_a_bad_scan(stack, body):
    answer = send(stack, "POST", "/v1/scans", body)
    assert answer.status_code == 400 and answer.json()["error"].startswith("decode body: ")


def test_a_scan_without_target(stack):
    check(send(stack, "POST", "/v1/scans", '{"Job":{}}'), 400, error("missing target_runner"))


# Events. ------------------------------------------------------------------------------------------

def test_several_batches_in_one_body(stack):
    run = new_run(stack, "several", "several")
    bodies = [batch(1, file_event("/a")), batch(2, file_event("/b"), file_event("/c")),
              batch(3, file_event("/d"))]
    check(post(stack, run, bodies[0] + bodies[1] + "\n\n \t" + bodies[2]), 200, counted(4, 3))
    rows = stored(stack, run, 4)
    assert [row[1]["PathName"] for row in rows] == ["/a", "/b", "/c", "/d"]
    # The whole body again is acknowledged and not stored again.
    check(post(stack, run, "".join(bodies)), 200, counted(4, 3))
    check(post(stack, run, batch(4, file_event("/e"))), 200, counted(1, 1))
    stored(stack, run, 5)


@pytest.mark.parametrize("body,count", [("", 0), (" \n", 0), ('{"seq":1,"events":null}', 1),
                                        ('{"seq":2}', 1), ('{"seq":3,"events":[]}', 1),
                                        ('{"SEQ":4,"Events":[],"future":[{"x":1}]}', 1),
                                        ('{"run_id":[1,2,3],"seq":5,"events":[]}', 1),
                                        ('{"run_id":%s,"seq":6,"events":[]}' % ([7] * 18), 1)])
def test_bodies_without_events(stack, body, count):
    if not stack.sql("SELECT 1 FROM runs WHERE package_name = 'empty'"):
        new_run(stack, "empty", "empty")
    run = stack.sql("SELECT id FROM runs WHERE package_name = 'empty'")[0][0]
    check(post(stack, run, body), 200, counted(0, count))


def test_payloads_of_any_shape_are_kept(stack):
    run = new_run(stack, "shapes", "shapes")
    events = [{"type": 9, "payload": {"x": [1, 2]}}, {"type": 1, "payload": None}, {"type": 2},
              {"type": 1, "payload": {"PathName": 5}}, {"type": 3, "payload": "text"},
              {"type": 1, "payload": {"PathName": "/last", "Comm": [110], "Path": [47] * 300}}]
    check(post(stack, run, batch(1, *events)), 200, counted(6, 1))
    rows = stored(stack, run, 6)
    assert rows[0] == ("unknown", {"x": [1, 2]})
    assert rows[1][1] is None and rows[2][1] is None
    assert rows[3][1] == {"PathName": 5} and rows[4][1] == "text"
    assert rows[5][0] == "file_access" and rows[5][1]["PathName"] == "/last"


def test_integers_are_exact_and_text_survives(stack):
    run = new_run(stack, "exact", "exact")
    big = 9007199254740993  # 2^53 + 1
    largest = 18446744073709551615
    event = file_event("/nul\0byte")
    event["payload"]["Header"].update(TsNs=big, CgroupID=largest)
    check(post(stack, run, batch(1, event, file_event("/after"))), 200, counted(2, 1))
    invalid = batch(2, file_event("/BAD")).encode().replace(b"BAD", b"\xff\xc0\x80")
    check(post(stack, run, invalid), 200, counted(1, 1))
    rows = stored(stack, run, 3)
    text = stack.sql("SELECT data::text FROM events WHERE run_id = %s ORDER BY id LIMIT 1", (run,))
    assert str(big) in text[0][0] and str(largest) in text[0][0]
    assert rows[0][1]["PathName"] == "/nul\u2400byte" and rows[1][1]["PathName"] == "/after"
    assert rows[2][1]["PathName"].startswith("/\ufffd")
    # A kind that is not known keeps its numbers as well.
    other = '{"seq":3,"events":[{"type":77,"payload":{"n":%d,"s":"\\u0000"}}]}' % largest
    check(post(stack, run, other), 200, counted(1, 1))
    stored(stack, run, 4)
    text = stack.sql("SELECT data::text FROM events WHERE run_id = %s AND type = 'unknown'", (run,))
    assert str(largest) in text[0][0]


@pytest.mark.parametrize("number,bad,field", [
    (1, '{"seq":"two","events":[]}', "seq"),
    (2, '{"seq":-1,"events":[]}', "seq"),
    (3, '{"seq":2,"events":{}}', "events"),
    (4, '{"seq":2,"events":[{"type":256}]}', "type"),
    (5, '{"seq":2,"run_id":[1,256],"events":[]}', "run_id"),
    (6, '{"seq":2,"run_id":"00","events":[]}', "run_id"),
    (7, '{"seq":2,"events":[', None),
    (8, "]", None),
])
def test_a_bad_batch_after_a_good_one(stack, number, bad, field):
    """What was read before it is stored, once; the error says where it is."""
    run = new_run(stack, f"bad{number}", f"bad{number}")
    good = batch(1, file_event("/good"))
    for _ in range(2):
        answer = post(stack, run, good + bad)
        assert answer.status_code == 400, answer.text
        text = answer.json()["error"]
        assert text.startswith("decode batch: ")
        assert field is None or field in text
        offsets = [int(word) for word in text.replace(":", " ").split() if word.isdigit()]
        assert any(len(good) <= offset <= len(good) + len(bad) for offset in offsets), text
    check(post(stack, run, batch(2, file_event("/rest"))), 200, counted(1, 1))
    assert [row[1]["PathName"] for row in stored(stack, run, 2)] == ["/good", "/rest"]


def test_events_of_an_unknown_run(stack):
    answer = post(stack, UNKNOWN_RUN, batch(1, file_event("/x")))
    check(answer, 404, error("run not found"))


# Result. ------------------------------------------------------------------------------------------

def test_result(stack):
    run = new_run(stack, "result", "result")
    path = f"/v1/runs/{run}/result"
    check(send(stack, "POST", path, '{"status":"OK"}'), 400,
          error("status must be ok|failed|timeout"))
    check(send(stack, "POST", path, "{}"), 400, error("status must be ok|failed|timeout"))
    for bad in ("", "[]", '{"status":5}'):
        answer = send(stack, "POST", path, bad)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("decode ScanResult: "), answer.text
    check(send(stack, "POST", path, '{"Status":"timeout","reason":"slow","events_dropped":2,'
                                    '"duration":5}'), 200, '{"recorded":true}\n')
    wait_for("the run's end", lambda: stack.sql(
        "SELECT state, failure_reason, events_dropped, duration_ns FROM runs WHERE id = %s",
        (run,)) == [("failed", "slow", 2, 5)])


def test_a_result_is_cut(stack):
    run = new_run(stack, "cut", "cut")
    long = json.dumps({"status": "ok", "reason": "x" * RESULT_MAX})
    answer = send(stack, "POST", f"/v1/runs/{run}/result", long)
    assert answer.status_code == 400
    text = answer.json()["error"]
    assert text.startswith("decode ScanResult: ") and str(RESULT_MAX) in text
    # A value that ends before the cut is all that is read.
    short = '{"status":"ok"}' + " " * RESULT_MAX
    check(send(stack, "POST", f"/v1/runs/{run}/result", short), 200, '{"recorded":true}\n')


def test_result_of_an_unknown_run(stack):
    for run in (UNKNOWN_RUN, UNKNOWN_RUN[:12], "x"):
        check(send(stack, "POST", f"/v1/runs/{run}/result", '{"status":"ok"}'), 404,
              error("run not found"))


# Order, gaps and replicas. ------------------------------------------------------------------------

def finish(stack, run, **result):
    check(send(stack, "POST", f"/v1/runs/{run}/result", json.dumps({"status": "ok", **result})),
          200, '{"recorded":true}\n')
    return wait_for("the verdict", lambda: stack.sql(
        "SELECT verdict, complete, incomplete_reason FROM runs WHERE id = %s AND verdict <> ''",
        (run,)))[0]


def test_batches_over_several_connections_out_of_order(stack):
    """Each batch arrives twice, at two gateways, in an order of its own."""
    run = new_run(stack, "unordered", "unordered")
    jobs = [(seq, gateway) for seq in range(1, 41) for gateway in (0, 1)]
    random.Random(4).shuffle(jobs)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: post(
            stack, run, batch(job[0], file_event(f"/tmp/f{job[0]}")), gateway=job[1]), jobs))
    assert {answer.text for answer in answers} == {counted(1, 1)}
    verdict = finish(stack, run, events_emitted=40)
    assert verdict[:2] == ("seeded", True), verdict
    paths = {row[1]["PathName"] for row in stored(stack, run, 40)}
    assert paths == {f"/tmp/f{seq}" for seq in range(1, 41)}


@pytest.mark.parametrize("seqs", [(1, 3), (2, 3)])
def test_a_run_with_a_gap_is_incomplete(stack, seqs):
    name = f"gap{seqs[0]}"
    run = new_run(stack, name, name)
    for seq in seqs:
        check(post(stack, run, batch(seq, file_event(f"/tmp/{seq}"))), 200, counted(1, 1))
    verdict = finish(stack, run, events_emitted=3)
    assert verdict[:2] == ("incomplete", False) and verdict[2], verdict
    # It proves nothing: there is no baseline.
    assert stack.sql("SELECT count(*) FROM baseline_fingerprints WHERE package_name = %s",
                     (name,)) == [(0,)]


def test_a_killed_gateway_leaves_its_runners_to_another(make_stack):
    """A job reaches a poll at any replica; nothing that one knows is needed to carry on."""
    stack = make_stack(counts={"runner": 0, "watcher": 0, "notifier": 0, "api": 2})
    register(stack, "moving")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # It hangs at the first when the second takes the scan, and would for 25 seconds.
        poll = pool.submit(send, stack, "GET", "/v1/runners/moving/jobs")
        wait_for("the poll hangs", lambda: "\nfangs_polls_waiting 1\n" in
                 send(stack, "GET", "/metrics").text)
        begin = time.monotonic()
        run = queue(stack, "moving", "moved", version="1.0.0", gateway=1)
        job = poll.result()
        assert time.monotonic() - begin < 10 * FACTOR
    assert bytes(job.json()["run_id"]).hex() == run
    check(post(stack, run, batch(1, file_event("/tmp/1"))), 200, counted(1, 1))

    stack.processes["api-0"].kill()
    check(post(stack, run, batch(1, file_event("/tmp/1")), gateway=1), 200, counted(1, 1))
    check(post(stack, run, batch(2, file_event("/tmp/2")), gateway=1), 200, counted(1, 1))
    check(send(stack, "POST", "/v1/runners/moving/heartbeat",
               json.dumps({"active_run_id": run, "status": "running"}), gateway=1), 200,
          '{"ok":true}\n')
    check(send(stack, "POST", f"/v1/runs/{run}/result",
               json.dumps({"status": "ok", "events_emitted": 2}), gateway=1), 200,
          '{"recorded":true}\n')
    verdict = wait_for("the verdict", lambda: stack.sql(
        "SELECT verdict, complete FROM runs WHERE verdict <> ''"))
    assert verdict == [("seeded", True)]
    stored(stack, run, 2)
    stack.processes["api-0"].start()
