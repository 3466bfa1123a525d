# SPDX-License-Identifier: Apache-2.0
"""Server-sent events: what anybody writes is told by every gateway, and nothing is lost between a
stream and the next."""
import json
import threading
import time

import pytest
import requests

from test_replay import recorded, replay_run, send_as_recorded


class Listener:
    """Collects a stream's events in the background."""

    def __init__(self, gateway, query="", last_id=None):
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self.answer = requests.get(f"{gateway}/v1/live{query}", stream=True, timeout=60,
                                   headers=headers)
        assert self.answer.status_code == 200, self.answer.text
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")
        self.last_id = last_id
        self.events = []  # (event, data, id)
        self.comments = []
        self.retry = None
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event, data, number = "message", [], None
        try:
            for raw in self.answer.iter_lines(chunk_size=1):
                line = raw.decode()
                name, _, value = line.partition(": ")
                if line == "":
                    self.last_id = number or self.last_id
                    if data:
                        self.events.append((event, json.loads("\n".join(data)), number))
                    event, data, number = "message", [], None
                elif name == "":
                    self.comments.append(value)
                elif name == "event":
                    event = value
                elif name == "data":
                    data.append(value)
                elif name == "id":
                    number = value
                elif name == "retry":
                    self.retry = int(value)
        except (requests.RequestException, AttributeError, ValueError):
            pass
        self.ended = True

    def of(self, event):
        return [data for name, data, _ in list(self.events) if name == event]

    def ids(self, event):
        return [data["id"] for data in self.of(event)]

    def close(self):
        self.answer.raw._fp.fp.raw._sock.shutdown(2)
        self.thread.join(10)
        self.answer.close()


@pytest.fixture
def stack(make_stack):
    return make_stack(counts={"api": 2, "runner": 0, "watcher": 0, "notifier": 0})


@pytest.fixture
def listen(stack):
    listeners = []

    def make(query="", gateway=0, last_id=None):
        listener = Listener(stack.gateway(gateway), query, last_id)
        listeners.append(listener)
        stack.wait_for("its position", lambda: listener.last_id)
        return listener

    yield make
    for listener in listeners:
        if not listener.ended:
            listener.close()


def new_run(stack, run_id, package="left-pad"):
    stack.sql("INSERT INTO runs (id, package_name, version, state, started_at) "
              "VALUES (%s, %s, '1.0.0', 'pending', now())", (run_id, package))


def new_deviation(stack, deviation_id, run_id):
    stack.sql("INSERT INTO deviations (id, run_id, category, value, evidence_event_id, severity, "
              "detected_at) VALUES (%s, %s, 'file', '/etc/passwd', 1, 'crit', now())",
              (deviation_id, run_id))


def test_every_gateway_tells_what_anybody_writes(stack, listen):
    listeners = [listen(gateway=0), listen(gateway=1), listen("?topics=deviations", 1),
                 listen("?package=right-pad", 0)]
    assert listeners[0].retry == 2000
    # As the existing CLI does.
    new_run(stack, "a1")
    new_deviation(stack, "d1", "a1")
    # Through one gateway.
    send_as_recorded(stack, recorded("register.json"))
    runner = stack.get("/v1/runners")["items"][0]
    for listener in listeners[:2]:
        stack.wait_for("all three", lambda one=listener: one.of("run") and one.of("deviation")
                       and one.of("runner"))
    run = listeners[1].of("run")[-1]
    assert run == stack.get("/v1/runs/a1")
    # A list's item, without what only a single thing has.
    assert listeners[1].of("deviation")[-1] == stack.get("/v1/deviations")["items"][0]
    assert {**listeners[1].of("runner")[-1], "last_seen_at": 0} == {**runner, "last_seen_at": 0}
    assert not listeners[2].of("run") and listeners[2].ids("deviation") == ["d1"]
    stack.wait_for("the runner", lambda: listeners[3].of("runner"))
    assert not listeners[3].of("run") and not listeners[3].of("deviation")
    # Later changes of the same run.
    stack.sql("UPDATE runs SET is_baseline = true WHERE id = 'a1'")
    stack.wait_for("the promotion", lambda: listeners[0].of("run")[-1]["is_baseline"])
    metrics = requests.get(f"{stack.gateway(0)}/metrics", timeout=10).text
    assert "fangs_live_streams 2" in metrics
    assert 'fangs_live_events_total{event="deviation"} 1' in metrics


def test_a_recorded_session_appears_as_it_happens(stack, listen):
    send_as_recorded(stack, recorded("register.json"))
    listener = listen(gateway=1)
    for version in ("1.0.0", "1.0.1"):
        run_id = replay_run(stack, version)[0]
        stack.wait_judged("delta-demo", version)
    stack.wait_for("the verdict", lambda: any(
        run["id"] == run_id and run["verdict"] == "deviates" for run in listener.of("run")))
    shown = {item["id"] for item in stack.deviations(run_id)}
    stack.wait_for("its deviations", lambda: set(listener.ids("deviation")) >= shown)
    stack.wait_for("their number", lambda: listener.of("run")[-1]["deviation_count"] == len(shown))


def test_nothing_is_lost_or_doubled_by_coming_back(stack, listen):
    first = listen("?topics=runs")
    new_run(stack, "a0")
    stack.wait_for("the first", lambda: first.ids("run") == ["a0"])
    first.close()
    for number in range(1, 30):
        new_run(stack, f"a{number}")
    second = listen("?topics=runs", gateway=1, last_id=first.last_id)
    for number in range(30, 40):
        new_run(stack, f"a{number}")
    stack.wait_for("the rest", lambda: len(second.ids("run")) >= 39)
    time.sleep(1)  # what would come twice
    assert sorted(second.ids("run")) == sorted(f"a{number}" for number in range(1, 40))


def test_a_run_committed_late_is_told(stack, listen):
    """Its transaction is older than what the listener has been told meanwhile."""
    import psycopg2
    listener = listen("?topics=runs")
    late = psycopg2.connect(stack.database_url)
    late.cursor().execute("INSERT INTO runs (id, state) VALUES ('fade', 'pending')")
    for number in range(3):
        new_run(stack, f"b{number}")
        stack.wait_for("the one committed", lambda n=number: f"b{n}" in listener.ids("run"))
    listener.close()
    again = listen("?topics=runs", gateway=1, last_id=listener.last_id)
    late.commit()
    late.close()
    stack.wait_for("the late one", lambda: again.ids("run") == ["fade"])


def test_listeners_survive_a_gateway(stack, listen):
    listener = listen("?topics=runs", gateway=0)
    new_run(stack, "a0")
    stack.wait_for("the first", lambda: listener.ids("run") == ["a0"])
    stack.processes["api-0"].kill()
    stack.wait_for("the end of the stream", lambda: listener.ended)
    new_run(stack, "a1")
    elsewhere = listen("?topics=runs", gateway=1, last_id=listener.last_id)
    stack.wait_for("the second", lambda: elsewhere.ids("run") == ["a1"])
    stack.processes["api-0"].start()
    stack.wait_ready()


def test_a_stopping_gateway_ends_its_streams(stack, listen):
    listener = listen()
    assert stack.processes["api-0"].stop() == 0
    stack.wait_for("the end of the stream", lambda: listener.ended)
    stack.processes["api-0"].start()
    stack.wait_ready()


def test_a_runner_that_falls_silent_is_told(stack, listen):
    send_as_recorded(stack, recorded("register.json"))
    runner_id = stack.get("/v1/runners")["items"][0]["id"]
    listeners = [listen("?topics=runners", gateway=number) for number in (0, 1)]
    stack.sql("UPDATE runners SET last_seen_at = now() - interval '93 seconds'")
    for listener in listeners:
        stack.wait_for("its silence", lambda one=listener: one.of("runner"))
        assert [(one["id"], one["alive"]) for one in listener.of("runner")] == [(runner_id, False)]
    stack.post(f"/v1/runners/{runner_id}/heartbeat", {"status": "idle"})
    for listener in listeners:
        stack.wait_for("its return", lambda one=listener: one.of("runner")[-1]["alive"])


def test_a_cursor_too_old_or_of_another_database_resets(stack, listen):
    new_run(stack, "a0")
    for cursor in ("1.3:3:", "99999999999999999.999999999:999999999:"):
        listener = listen(last_id=cursor)
        stack.wait_for("the reset", lambda one=listener: one.events)
        assert listener.events[0][0] == "reset" and listener.events[0][2] != cursor
        new_run(stack, f"b{len(cursor)}")
        stack.wait_for("what comes then", lambda one=listener: one.of("run"))


def test_bad_requests(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0, "dispatcher": 0, "notifier": 0},
                       extra_env={"FANGS_API_LIVE_STREAMS": "1"})
    url = f"{stack.gateway()}/v1/live"
    assert requests.get(f"{url}?topic=runs", timeout=10).status_code == 400
    answer = requests.get(f"{url}?topics=runs,nonsense", timeout=10)
    assert answer.status_code == 400 and "nonsense" in answer.json()["error"]
    assert all(topic in answer.json()["error"] for topic in ("runs", "deviations", "runners"))
    for cursor in ("x", "1.2:1:", "1.1:2", "1.1:2:3", "1.1:2:'; DROP TABLE runs"):
        assert requests.get(url, headers={"Last-Event-ID": cursor}, timeout=10).status_code == 400
    assert requests.head(url, timeout=10).status_code == 204
    listener = Listener(stack.gateway())
    stack.wait_for("its position", lambda: listener.last_id)
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    listener.close()
    stack.wait_for("room", lambda: requests.get(url, stream=True, timeout=10).status_code == 200)
