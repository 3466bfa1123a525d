# SPDX-License-Identifier: Apache-2.0
"""docs/api.md names exactly the routes that the gateway serves."""
import re

import requests

from harness.paths import ROOT

ROW = re.compile(r"^\| (GET|POST|PUT|DELETE) \| `([^`]+)`", re.M)
ROUTE = re.compile(r'(?:(GET|GET_NOW|POST|RUNNER_POST)|CHANGE)\((?:"(\w+)",\s*)?'
                   r'"(/(?:v1|metrics|livez|readyz)[^"]*)"')
PLAIN = re.compile(r'\.method = "(\w+)",\s*\.pattern = "(/[^"]+)"')
# The paths of the OpenAPI document, and the methods below each.
OPENAPI = re.compile(r"^  (/\S*):$|^    (get|post|put|delete):$", re.M)


def documented():
    return set(ROW.findall((ROOT / "docs" / "api.md").read_text()))


def described():
    found, path = set(), None
    for new_path, method in OPENAPI.findall((ROOT / "docs" / "openapi.yaml").read_text()):
        path = new_path or path
        if method:
            found.add((method.upper(), path))
    return found


def served():
    source = (ROOT / "services" / "api" / "routes.c").read_text()
    routes = {((verb or method).removesuffix("_NOW").removeprefix("RUNNER_"), path)
              for method, verb, path in ROUTE.findall(source)}
    return routes | set(PLAIN.findall(source))


def test_every_route_is_in_the_overview():
    assert served() == documented()


def test_every_route_is_described():
    assert served() == described()


def test_every_documented_get_answers(make_stack):
    stack = make_stack(counts={"runner": 0, "watcher": 0})
    for method, path in sorted(documented()):
        if method != "GET" or path.endswith(("/jobs", "/live")):
            continue
        answer = requests.get(stack.gateway() + re.sub(r"\{\w+\}", "0123456789ab", path),
                              timeout=10)
        names_nothing = "{" in path
        assert answer.status_code == (404 if names_nothing else 200), path
        if names_nothing:
            assert answer.json()["error"], path
