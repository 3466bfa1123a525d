#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the sensor costs an `npm install` of a tree of 100 packages, and the runner's memory.

    bench/sensor_npm.py [--packages 100] [--repetitions 15]

The registry is a small server in this process. Installations with and without the sensor take turns;
what counts is the difference within each turn, because machines change their pace. The processor
time is that of the installation, without the sensor's own thread.
The binaries are those of build/release/bin, or of FANGS_BIN_DIR. Needs root and npm.
"""
import argparse
import base64
import hashlib
import http.server
import io
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from harness.paths import BIN  # noqa: E402 (the harness is found only now)

FILES_EACH = 8
DRAWS = 4000
GOAL_PERCENT = 2
GOAL_MIB = 30
WATCHED = ["/etc/", "/root/", "/tmp/", "/usr/", "/dev/"]


def name_of(number):
    return f"delta-tree-{number}"


def tarball(number, manifest):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
        def add(path, content):
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        add("package.json", json.dumps(manifest).encode())
        for index in range(FILES_EACH):
            add(f"lib/file{index}.js", f"// {number} {index}\n".encode() * 100)
    return out.getvalue()


class Registry:
    """A binary tree: package n depends on 2n and 2n + 1."""

    def __init__(self, packages):
        self.answers = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        for number in range(1, packages + 1):
            self._add(number, packages)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _add(self, number, packages):
        children = [n for n in (2 * number, 2 * number + 1) if n <= packages]
        manifest = {"name": name_of(number), "version": "1.0.0",
                    "dependencies": {name_of(n): "1.0.0" for n in children}}
        content = tarball(number, manifest)
        digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
        path = f"/{name_of(number)}/-/{name_of(number)}-1.0.0.tgz"
        manifest["dist"] = {"tarball": self.url + path, "integrity": f"sha512-{digest}"}
        document = {"name": name_of(number), "dist-tags": {"latest": "1.0.0"},
                    "versions": {"1.0.0": manifest}}
        self.answers[f"/{name_of(number)}"] = ("application/json", json.dumps(document).encode())
        self.answers[path] = ("application/octet-stream", content)

    def _handler(self):
        answers = self.answers

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                kind, content = answers.get(self.path, ("", b""))
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass
        return Handler


def seconds(text):
    """Of "1m2.345s"."""
    minutes, _, rest = text.rstrip("s").partition("m")
    return 60 * int(minutes) + float(rest)


def install(registry, packages, directory, sensor):
    """Wall and processor seconds of one installation, into an empty folder with an empty cache."""
    script = (f"cd {directory} && echo '{{}}' >package.json && start=$(date +%s%N) && "
              f"npm install --silent --no-audit --no-fund --no-update-notifier "
              f"--registry={registry.url} --cache={directory}/cache {name_of(1)} && "
              "echo $(($(date +%s%N) - start)) && times")
    watched = [word for prefix in WATCHED for word in ("-w", prefix)]
    prefix = [BIN / "sensor_trace", "-o", "/dev/null", *watched] if sensor else []
    done = subprocess.run([*prefix, "sh", "-c", script], capture_output=True, text=True,
                          check=True)
    installed = len(list((directory / "node_modules").iterdir()))
    assert installed >= packages, f"only {installed} packages: {done.stderr}"
    # What is printed last are the four figures of times: the shell's two, and its children's.
    words = done.stdout.split()
    return int(words[-5]) / 1e9, sum(seconds(word) for word in words[-2:])


def interval(values):
    """Where the median of such values lies with 95 % probability, by drawing from them again."""
    chosen = random.Random(1)
    medians = sorted(statistics.median(chosen.choices(values, k=len(values)))
                     for _ in range(DRAWS))
    return medians[DRAWS // 40], medians[-DRAWS // 40]


def print_figures(what, times):
    """`times` has the figures without and with the sensor, of each turn at the same place."""
    for sensor, name in ((False, "without"), (True, "with")):
        print(f"{what} {name} the sensor: minimum {min(times[sensor]):.3f} s, "
              f"median {statistics.median(times[sensor]):.3f} s")
    minimum = min(times[True]) / min(times[False]) - 1
    more = [100 * (a / b - 1) for a, b in zip(times[True], times[False])]
    low, high = interval(more)
    print(f"{what}, more by: {100 * minimum:.1f} % of the minima; {statistics.median(more):.1f} % "
          f"in the median of the {len(more)} turns, surely from {low:.1f} % to {high:.1f} % "
          f"(goal {GOAL_PERCENT} %)")


def measure_installs(packages, repetitions):
    registry = Registry(packages)
    wall, processor = {False: [], True: []}, {False: [], True: []}
    for number in range(repetitions + 1):
        for sensor in (number % 2 == 0, number % 2 == 1):
            with tempfile.TemporaryDirectory() as directory:
                figures = install(registry, packages, pathlib.Path(directory), sensor)
            if number:  # the first one warms up
                wall[sensor].append(figures[0])
                processor[sensor].append(figures[1])
    print_figures("npm install", wall)
    print_figures("its processor time", processor)


def measure_memory():
    """The runner waits for a gateway that is not there, with the sensor loaded."""
    with tempfile.NamedTemporaryFile() as log:
        runner = subprocess.Popen([BIN / "fangs-runner", "--gateway", "http://127.0.0.1:1"],
                                  stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while b"sensor attached" not in pathlib.Path(log.name).read_bytes():
                assert time.monotonic() < deadline and runner.poll() is None, \
                    pathlib.Path(log.name).read_text()
                time.sleep(0.1)
            time.sleep(2)
            status = pathlib.Path(f"/proc/{runner.pid}/status").read_text()
        finally:
            runner.kill()
            runner.wait()
    rows = dict(line.split(":", 1) for line in status.splitlines())
    for key in ("VmRSS", "RssAnon", "RssFile", "VmHWM"):
        print(f"runner {key}: {int(rows[key].split()[0]) / 1024:.1f} MiB"
              f"{f' (goal {GOAL_MIB})' if key == 'VmRSS' else ''}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", type=int, default=100)
    parser.add_argument("--repetitions", type=int, default=15)
    options = parser.parse_args()
    measure_memory()
    measure_installs(options.packages, options.repetitions)


if __name__ == "__main__":
    main()
