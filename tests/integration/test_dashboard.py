# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real browser, over runs that a recorded session left."""
import contextlib
import json
import os
import subprocess

import pytest
import requests

from test_replay import recorded, replay_run, send_as_recorded

HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.fixture
def filled(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0})
    send_as_recorded(stack, recorded("register.json"))
    ids = {}
    for version in ("1.0.0", "1.0.1"):
        ids[version] = replay_run(stack, version)[0]
        stack.wait_judged("delta-demo", version)
    return stack, ids["1.0.1"]


def browser(tmp_path, *arguments):
    return ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'browser'}", *arguments]


def rendered(stack, fragment, tmp_path):
    """The page's markup once its scripts have run."""
    done = subprocess.run(
        browser(tmp_path, "--virtual-time-budget=4000", "--dump-dom",
                f"{stack.gateway()}/ui/#/{fragment}"),
        check=True, capture_output=True, text=True, timeout=90)
    return done.stdout


class Page:
    """A page that stays open, over the browser's debugging pipe."""

    def __init__(self, commands, answers):
        self.commands, self.answers = commands, answers
        self.number = 0
        self.session = {}

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params, **self.session}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            text = b""
            while not text.endswith(b"\0"):
                text += self.answers.read(1)
            answer = json.loads(text[:-1])
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.session = {"sessionId": session}
        self.call("Page.enable")
        # What the page asks for, from its beginning.
        self.call("Page.addScriptToEvaluateOnNewDocument", source="""
            window.asked = [];
            const real = window.fetch;
            window.fetch = (path, options) => { window.asked.push(path); return real(path, options); };
        """)
        self.call("Page.navigate", url=url)

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression,
                         returnByValue=True)["result"].get("value")


@contextlib.contextmanager
def opened(stack, fragment, tmp_path):
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()

    def as_the_browser_expects():
        # 3 and 4, in whatever order they were given out.
        own = os.dup(read_commands), os.dup(write_answers)
        os.dup2(own[0], 3)
        os.dup2(own[1], 4)

    process = subprocess.Popen(browser(tmp_path, "--remote-debugging-pipe"), close_fds=False,
                               preexec_fn=as_the_browser_expects, stderr=subprocess.DEVNULL)
    os.close(read_commands)
    os.close(write_answers)
    try:
        with os.fdopen(answers, "rb", buffering=0) as stream:
            page = Page(commands, stream)
            page.open(f"{stack.gateway()}/ui/#/{fragment}")
            yield page
    finally:
        os.close(commands)
        process.kill()
        process.wait()


def test_views_show_the_run_and_its_deviations(filled, tmp_path):
    stack, run_id = filled
    overview = rendered(stack, "", tmp_path)
    assert run_id[:12] in overview and "runs await review" in overview
    assert run_id[:12] in rendered(stack, "pending", tmp_path)
    assert "delta-demo" in rendered(stack, "runs?package=delta-demo", tmp_path)
    page = rendered(stack, f"runs/{run_id}", tmp_path)
    assert "/root/.ssh/id_rsa" in page and "192.0.2.10:31337" in page
    assert '<span class="tag crit">crit</span>' in page and "Promote to baseline" in page


def test_what_attackers_write_is_never_markup(filled, tmp_path):
    stack, run_id = filled
    stack.sql("UPDATE deviations SET value = %s, process = %s WHERE run_id = %s",
              (HOSTILE, HOSTILE, run_id))
    stack.sql("UPDATE runs SET package_name = %s WHERE id = %s", (HOSTILE, run_id))
    page = rendered(stack, f"runs/{run_id}", tmp_path)
    assert "<img" not in page and "&lt;img" in page and "<title>FANGS</title>" in page


def test_unknown_run_and_entry_points(filled, tmp_path):
    stack, _ = filled
    assert "run not found" in rendered(stack, "runs/ffffffffffff", tmp_path)
    answer = requests.get(stack.gateway() + "/", allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/ui/")
    answer = requests.get(stack.gateway() + "/ui/", timeout=10)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


TEXT = "document.getElementById('view').innerText"


def test_what_happens_appears_without_a_reload(filled, tmp_path):
    stack, run_id = filled
    with opened(stack, "pending", tmp_path) as page:
        stack.wait_for("the pending run", lambda: run_id[:12] in (page.value(TEXT) or ""))
        stack.wait_for("the stream", lambda: "fangs_live_streams 1" in requests.get(
            f"{stack.gateway()}/metrics", timeout=10).text)
        page.value("window.row = document.querySelector('tbody tr')")
        stack.sql("INSERT INTO runs (id, package_name, version, state, verdict, started_at) "
                  "VALUES ('fade', %s, '9.9.9', 'done', 'deviates', now() - interval '1 h')",
                  (HOSTILE,))
        stack.sql("INSERT INTO deviations (id, run_id, category, value, evidence_event_id, "
                  "severity, detected_at) VALUES ('d1', 'fade', 'file', 'x', 1, 'warn', now())")
        stack.wait_for("the new run", lambda: "9.9.9" in page.value(TEXT))
        assert "fade" in page.value(TEXT) and "warn" in page.value(TEXT)
        assert page.value("document.querySelectorAll('#view img').length") == 0
        # The list was asked for once, and what had not changed was not touched.
        assert page.value("window.asked.filter((path) => path === '/v1/pending').length") == 1
        assert page.value("window.row.isConnected && "
                          "window.row === document.querySelector('tbody tr')")
        stack.sql("UPDATE runs SET is_baseline = true WHERE id = 'fade'")
        stack.wait_for("its promotion", lambda: "9.9.9" not in page.value(TEXT))
        # The gateway goes and comes back.
        stack.processes["api-0"].kill()
        stack.sql("UPDATE runs SET is_baseline = false WHERE id = 'fade'")
        stack.processes["api-0"].start()
        stack.wait_ready()
        stack.wait_for("what it missed", lambda: "9.9.9" in page.value(TEXT))
