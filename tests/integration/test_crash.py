# SPDX-License-Identifier: Apache-2.0
"""kill -9 of any one service in the middle of the hostile scan: nothing lost, nothing doubled."""
import pytest

from test_flow import check_hostile

SERVICES = ["api", "dispatcher", "differ", "notifier", "watcher", "runner"]


def mid_scan(stack, package):
    """True once the hostile run's first events are stored and its result is not."""
    rows = stack.sql(
        "SELECT r.id FROM runs r JOIN run_progress p ON p.run_id = r.id WHERE r.package_name = %s "
        "AND r.version = '1.0.1' AND p.events_stored > 0", (package,))
    return rows[0][0] if rows else None


@pytest.mark.parametrize("bus,transport", [("postgres", "http"), ("kafka", "kafka")])
@pytest.mark.parametrize("victim", SERVICES)
def test_kill_9_in_the_middle_of_a_scan(victim, bus, transport, make_stack, registry, neighbours,
                                        package):
    stack = make_stack(bus=bus, transport=transport, registry_url=registry.url)
    stack.add_notifier(neighbours.webhook_url)
    package.release("1.0.0")
    stack.watch(package.name)
    stack.wait_judged(package.name, "1.0.0")
    package.release("1.0.1")
    stack.wait_for("the scan under way", lambda: mid_scan(stack, package.name), step=0.02)
    stack.kill_and_restart(f"{victim}-0")

    run = stack.wait_judged(package.name, "1.0.1", timeout=240)
    assert run["verdict"] == "deviates" and run["state"] == "done", run
    deviations = check_hostile(stack, run)
    hooks = neighbours.wait_for_webhook(package.name)
    assert len(hooks) == 1 and hooks[0]["deviation_count"] == len(deviations)
    runs = stack.sql("SELECT count(*) FROM runs WHERE package_name = %s AND version = '1.0.1'",
                     (package.name,))
    assert runs == [(1,)]
