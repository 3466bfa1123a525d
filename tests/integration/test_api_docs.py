# SPDX-License-Identifier: Apache-2.0
"""docs/api.md names exactly the routes that the gateway serves."""
import re

import requests

from harness.paths import ROOT

ROW = re.compile(r"^\| (GET|POST|PUT|DELETE) \| `([^`]+)`", re.M)
ROUTE = re.compile(r'(?:(GET|GET_NOW|POST)|CHANGE)\((?:"(\w+)", )?"(/(?:v1|metrics|livez|readyz)[^"]*)"')
PLAIN = re.compile(r'\.method = "(\w+)",\s*\.pattern = "([^"]+)"')


def documented():
    return set(ROW.findall((ROOT / "docs" / "api.md").read_text()))


def test_every_route_is_documented():
    source = (ROOT / "services" / "api" / "routes.c").read_text()
    routes = {((verb or method).removesuffix("_NOW"), path)
              for method, verb, path in ROUTE.findall(source)}
    routes |= set(PLAIN.findall(source))
    assert routes == documented()


def test_every_documented_get_answers(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0})
    for method, path in sorted(documented()):
        if method != "GET" or path.endswith("/jobs"):
            continue
        answer = requests.get(stack.gateway() + re.sub(r"\{\w+\}", "0123456789ab", path),
                              timeout=10)
        names_nothing = "{" in path
        assert answer.status_code == (404 if names_nothing else 200), path
        if names_nothing:
            assert answer.json()["error"], path
