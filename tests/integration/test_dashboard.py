# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real browser, over runs that a recorded session left."""
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


def rendered(stack, fragment, tmp_path):
    """The page's markup once its scripts have run."""
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={tmp_path / 'browser'}",
         "--virtual-time-budget=4000", "--dump-dom", f"{stack.gateway()}/ui/#/{fragment}"],
        check=True, capture_output=True, text=True, timeout=90)
    return done.stdout


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
