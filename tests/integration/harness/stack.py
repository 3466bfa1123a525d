# SPDX-License-Identifier: Apache-2.0
"""A FANGS installation of the real binaries, in any topology, each process of its own."""
import json
import subprocess

import requests

from .claims import unique
from .paths import BIN
from .postgres import query
from .processes import Process, free_port
from .wait import wait_for


class Stack:
    """`counts` says how many of a service run ({"api": 2}); the default is one of each."""

    def __init__(self, directory, database_url, bus="postgres", transport="http", brokers="",
                 topic_prefix="", registry_url="", counts=None, slots=2, extra_env=None):
        self.directory = directory
        self.database_url = database_url
        self.bus = bus
        self.topic_prefix = topic_prefix
        self.transport = transport
        self.registry_url = registry_url
        self.slots = slots
        self.counts = {**dict.fromkeys(
            ("api", "dispatcher", "differ", "notifier", "watcher", "runner"), 1), **(counts or {})}
        self.env = {"FANGS_BUS_DRIVER": bus, "FANGS_KAFKA_BROKERS": brokers,
                    "FANGS_BUS_TOPIC_PREFIX": topic_prefix, "FANGS_METRICS_LISTEN": "",
                    **(extra_env or {})}
        self.api_ports = [free_port() for _ in range(self.counts["api"])]
        self.processes = {}
        for name, count in self.counts.items():
            for index in range(count):
                self._add(name, index)

    def _arguments(self, name, index):
        if name == "api":
            return ["--listen", f"127.0.0.1:{self.api_ports[index]}"]
        if name == "watcher" and self.registry_url:
            return ["--registry", self.registry_url, "--watcher-interval", "1s"]
        if name == "runner":
            gateway = self.gateway(index % self.counts["api"])
            arguments = ["--gateway", gateway, "--transport", self.transport, "--slots",
                         str(self.slots), "--runner-id", self.runner_id(index)]
            if self.registry_url:
                arguments += ["--npm-registry", self.registry_url]
            return arguments
        return []

    def _add(self, name, index):
        env = dict(self.env)
        # The runner executes hostile code: it has no way to the database.
        if name != "runner":
            env["FANGS_DB_URL"] = self.database_url
        key = f"{name}-{index}"
        self.processes[key] = Process(key, [BIN / f"fangs-{name}", *self._arguments(name, index)],
                                      self.directory / f"{key}.log", env=env)

    def gateway(self, index=0):
        return f"http://127.0.0.1:{self.api_ports[index]}"

    def runner_id(self, index=0):
        # A runner sweeps what its id left on this host: another process's tests must not have it.
        return f"{unique('runner')}-{self.directory.name}-{index}"

    # Life.
    def start(self, ready=True):
        for process in self.processes.values():
            process.start()
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        for index in range(self.counts["api"]):
            wait_for(f"gateway {index}", lambda i=index: requests.get(
                f"{self.gateway(i)}/readyz", timeout=2).status_code == 200, 60)
        if self.counts["runner"]:
            wait_for("the runners", lambda: self._live_runners() >= self.counts["runner"], 60)

    def _live_runners(self):
        items = requests.get(f"{self.gateway()}/v1/runners", timeout=5).json()["items"]
        return sum(1 for item in items if item["alive"])

    def stop(self):
        order = ("watcher", "dispatcher", "runner", "api", "differ", "notifier")
        codes = {}
        for name in order:
            for key, process in self.processes.items():
                if key.startswith(name) and process.popen is not None:
                    codes[key] = process.stop(timeout=60) if process.running else \
                        process.popen.returncode
        return codes

    def kill_and_restart(self, key):
        self.processes[key].kill()
        self.processes[key].start()

    def logs(self, lines=15):
        return "\n".join(f"--- {key}\n{process.tail(lines)}"
                         for key, process in self.processes.items())

    # Use.
    def sql(self, statement, parameters=None):
        return query(self.database_url, statement, parameters)

    def get(self, path, gateway=0):
        answer = requests.get(f"{self.gateway(gateway)}{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def post(self, path, body, gateway=0):
        return requests.post(f"{self.gateway(gateway)}{path}", json=body, timeout=30)

    def cli(self, *arguments, check=True, gateway=0):
        done = subprocess.run([BIN / "fangs", *arguments, "--gateway", self.gateway(gateway)],
                              capture_output=True, text=True, timeout=300,
                              env={"PATH": "/usr/bin:/bin"})
        if check:
            assert done.returncode == 0, f"fangs {arguments}: {done.stderr}\n{self.logs()}"
        return done

    def watch(self, package):
        self.cli("package", "add", package)

    def add_notifier(self, url, name="hook", **fields):
        body = {"url": url, "template": "generic", **fields}
        requests.put(f"{self.gateway()}/v1/notifiers/{name}", json=body,
                     timeout=10).raise_for_status()

    def wait_judged(self, package, version, timeout=120):
        """The run of a release, once the differ has spoken."""
        def probe():
            items = self.get(f"/v1/runs?package={package}")["items"]
            done = [run for run in items
                    if run["version"] == version and run["phase"] == "judged"]
            return done[0] if done else None
        return self.wait_for(f"{package}@{version} judged", probe, timeout)

    def wait_for(self, what, probe, timeout=60, step=0.1):
        """As wait_for(), with what the installation was doing when it fails."""
        try:
            return wait_for(what, probe, timeout, step)
        except AssertionError as error:
            rows = self.sql("SELECT id, package_name, version, state, phase, attempt, runner_id, "
                            "failure_reason FROM runs")
            waiting = self.sql("SELECT topic, count(*) FROM outbox GROUP BY 1")
            polls = self.sql("SELECT p.*, now(), q.* FROM packages p LEFT JOIN package_polls q "
                             "ON q.package_name = p.name")
            raise AssertionError(f"{error}\nruns: {rows}\noutbox: {waiting}\npolls: {polls}\n"
                                 f"{self.logs()}") from None

    def deviations(self, run_id):
        return self.get(f"/v1/runs/{run_id}/deviations?limit=500")["items"]

    def scan(self, package, version, wait=True):
        """A scan on demand through the CLI; the judged run."""
        arguments = ["scan", "submit", "--package", package, "--version", version, "-o", "json"]
        done = self.cli(*arguments, *(["--wait"] if wait else []), check=False)
        assert done.returncode in (0, 4), f"{done.stderr}\n{self.logs()}"
        return json.loads(done.stdout)
