# SPDX-License-Identifier: Apache-2.0
"""The demo's attacker (an address of the documentation range on loopback) and webhook receiver."""
import json
import socket
import subprocess

from .paths import SCRIPTS
from .processes import Process, free_port
from .wait import wait_for

ATTACKER = "192.0.2.66"


class Neighbours:
    def __init__(self, directory):
        self.port = free_port()
        self.webhook_file = directory / "webhooks.ndjson"
        self.webhook_file.touch()
        self.added_address = False
        self.process = Process("neighbours",
                               ["node", SCRIPTS / "demo" / "servers.mjs", ATTACKER, self.port,
                                self.webhook_file], directory / "neighbours.log")

    @property
    def webhook_url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        shown = subprocess.run(["ip", "-4", "-o", "address", "show", "dev", "lo"], check=True,
                               capture_output=True, text=True).stdout
        if f"{ATTACKER}/32" not in shown:
            subprocess.run(["ip", "address", "add", f"{ATTACKER}/32", "dev", "lo"], check=True)
            self.added_address = True
        self.process.start()
        wait_for("the attacker listens", self._listens)
        return self

    def _listens(self):
        assert self.process.running, f"another one runs on this host?\n{self.process.tail()}"
        for address in ((ATTACKER, 443), ("127.0.0.1", self.port)):
            socket.create_connection(address, timeout=2).close()
        return True

    def stop(self):
        self.process.stop()
        if self.added_address:
            subprocess.run(["ip", "address", "del", f"{ATTACKER}/32", "dev", "lo"], check=True)

    def webhooks(self, package):
        """The bodies that came for a package."""
        lines = self.webhook_file.read_text().splitlines()
        bodies = [json.loads(line) for line in lines]
        return [body for body in bodies if body.get("package_name") == package]

    def wait_for_webhook(self, package):
        return wait_for(f"a webhook for {package}", lambda: self.webhooks(package))
