# SPDX-License-Identifier: Apache-2.0
"""The demo's attacker (an address of the documentation range on loopback) and webhook receiver."""
import json
import socket

from .claims import add_address, remove_address
from .paths import SCRIPTS
from .processes import Process, free_port
from .wait import wait_for

NAMED = "192.0.2.66"  # in the demo's packages


class Neighbours:
    def __init__(self, directory):
        self.port = free_port()
        self.webhook_file = directory / "webhooks.ndjson"
        self.webhook_file.touch()
        self.attacker = add_address()
        self.process = Process("neighbours",
                               ["node", SCRIPTS / "demo" / "servers.mjs", self.attacker, self.port,
                                self.webhook_file], directory / "neighbours.log")

    @property
    def webhook_url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        self.process.start()
        wait_for("the attacker listens", self._listens)
        return self

    def _listens(self):
        assert self.process.running, self.process.tail()
        for address in ((self.attacker, 443), ("127.0.0.1", self.port)):
            socket.create_connection(address, timeout=2).close()
        return True

    def stop(self):
        self.process.stop()
        remove_address(self.attacker)

    def webhooks(self, package):
        """The bodies that came for a package."""
        lines = self.webhook_file.read_text().splitlines()
        bodies = [json.loads(line) for line in lines]
        return [body for body in bodies if body.get("package_name") == package]

    def wait_for_webhook(self, package):
        return wait_for(f"a webhook for {package}", lambda: self.webhooks(package))
