# SPDX-License-Identifier: Apache-2.0
"""The attacker of the corpus of attacks: an address of the documentation range on loopback."""
import socket
import subprocess

from .paths import ROOT
from .processes import Process
from .wait import wait_for

ADDRESS = "192.0.2.77"
ATTACKS = ROOT / "tests" / "integration" / "attacks"
PORTS = (80, 443, 4444, 8000)


class Attacker:
    def __init__(self, directory):
        self.process = Process("attacker", ["node", ATTACKS / "attacker.mjs", ADDRESS],
                               directory / "attacker.log")
        self.added_address = False

    def start(self):
        shown = subprocess.run(["ip", "-4", "-o", "address", "show", "dev", "lo"], check=True,
                               capture_output=True, text=True).stdout
        if f"{ADDRESS}/32" not in shown:
            subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
            self.added_address = True
        self.process.start()
        wait_for("the attacker listens", self._listens)
        return self

    def _listens(self):
        assert self.process.running, f"another one runs on this host?\n{self.process.tail()}"
        for port in PORTS:
            socket.create_connection((ADDRESS, port), timeout=2).close()
        return True

    def stop(self):
        self.process.stop()
        if self.added_address:
            subprocess.run(["ip", "address", "del", f"{ADDRESS}/32", "dev", "lo"], check=True)
