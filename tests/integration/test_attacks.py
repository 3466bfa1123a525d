# SPDX-License-Identifier: Apache-2.0
"""Synthetic packages after recorded attacks: each is held, and what it is about is critical.

attacks/<name>/ has a harmless 1.0.0, a hostile 1.0.1 and attack.json: the title; whether it acts at
install time (`held`), or only when it is imported (then its installation is clean, and that is the
honest verdict); and the keys, which are the acts that a person must be woken for. Names below .test
are the attacker's (harness/attacker.py).
"""
import json
import re

import pytest

from harness import attacker, corpus

# Both use all that a machine has: one after the other.
pytestmark = pytest.mark.xdist_group("corpora")

# A developer's machine: secrets, tools, and a resolver that knows the attacker's names.
HOME = """
echo nameserver ATTACKER >/etc/resolv.conf
mkdir -p /root/.ssh /root/.aws /root/.docker /root/.kube /root/Desktop
echo '//REGISTRY/:_authToken=npm_canary0123456789' >/root/.npmrc
echo key >/root/.ssh/id_rsa
echo key >/root/.aws/credentials
echo SECRET=canary >/root/.env
echo '{}' >/root/.docker/config.json
echo '{}' >/root/.kube/config
for tool in gh claude; do
	printf '#!/bin/sh\\necho canary\\n' >/usr/local/bin/$tool
	chmod +x /usr/local/bin/$tool
done
"""
COMMAND = HOME + "cd /tmp && mkdir -p test && cd test && npm init -y >/dev/null 2>&1 && " \
    "npm install PACKAGE 2>&1 | tail -3; sleep 1"

ATTACKS = {path.parent.name: json.loads(path.read_text())
           for path in sorted(attacker.ATTACKS.glob("*/attack.json"))}


@pytest.fixture(scope="module")
def the_attacker(tmp_path_factory):
    server = attacker.Attacker(tmp_path_factory.mktemp("attacker")).start()
    yield server
    server.stop()


def perform(stack, registry, the_attacker, name):
    """Both releases, one after the other: the hostile run and its deviations."""
    package = f"delta-attack-{name.lower()}"

    def scan(version):
        command = COMMAND.replace("PACKAGE", f"{package}@{version}") \
            .replace("ATTACKER", the_attacker.address) \
            .replace("REGISTRY", f"{registry.address}:{registry.port}")
        return corpus.scan(stack, package, version, command=["sh", "-c", command],
                           env={"npm_config_registry": registry.url})
    first, second = scan("1.0.0"), scan("1.0.1")
    return name, first, second, stack.deviations(second["id"])


def matches(key, deviation, registry, the_attacker):
    value = key["value"].replace("<registry>", re.escape(f"{registry.address}:{registry.port}")) \
        .replace(re.escape(attacker.NAMED), re.escape(the_attacker.address))
    return re.fullmatch(key["category"], deviation["category"]) and \
        re.fullmatch(value, deviation["value"])


def complaints(registry, the_attacker, name, first, run, deviations):
    attack = ATTACKS[name]
    for scanned, verdict in ((first, "seeded"), (run, run["verdict"])):
        if (scanned["verdict"], scanned["complete"]) != (verdict, True):
            yield f"{name}: {scanned['verdict']}, {scanned['incomplete_reason']}"
    if not attack["held"]:
        if run["verdict"] != "clean":
            yield f"{name}: {run['verdict']}, but nothing happens at install time"
        return
    if run["verdict"] != "deviates":
        yield f"{name}: {run['verdict']}"
    for key in attack["keys"]:
        severities = {deviation["severity"] for deviation in deviations
                      if matches(key, deviation, registry, the_attacker)}
        if "crit" not in severities:
            yield f"{name}: {key['category']} {key['value']} is {severities or 'not there'}"


def test_every_attack_is_held(make_stack, registry, the_attacker):
    for name in ATTACKS:
        for version in ("1.0.0", "1.0.1"):
            registry.put(attacker.ATTACKS / name / version,
                         {attacker.NAMED: the_attacker.address})
    stack = make_stack(registry_url=registry.url, slots=corpus.SLOTS, counts={"watcher": 0})
    wrong = []
    for name, first, run, deviations in corpus.each(
            lambda name: perform(stack, registry, the_attacker, name), ATTACKS):
        print(f"{name} {run['verdict']}, {len(deviations)} deviations: {ATTACKS[name]['title']}")
        for deviation in deviations:
            if deviation["severity"] == "crit":
                print("   ", corpus.line(run["package"], "1.0.1", deviation))
        wrong += complaints(registry, the_attacker, name, first, run, deviations)
    assert not wrong, "\n".join(wrong)
