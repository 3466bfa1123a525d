# SPDX-License-Identifier: Apache-2.0
"""The attacker of the corpus of attacks: an address of the documentation range on loopback."""
import socket

from .claims import add_address, remove_address
from .paths import ROOT
from .processes import Process
from .wait import wait_for

NAMED = "192.0.2.77"  # in the packages, for the address that it has
ATTACKS = ROOT / "tests" / "integration" / "attacks"
PORTS = (80, 443, 4444, 8000)


class Attacker:
    def __init__(self, directory):
        self.address = add_address()
        self.process = Process("attacker", ["node", ATTACKS / "attacker.mjs", self.address],
                               directory / "attacker.log")

    def start(self):
        self.process.start()
        wait_for("the attacker listens", self._listens)
        return self

    def _listens(self):
        assert self.process.running, self.process.tail()
        for port in PORTS:
            socket.create_connection((self.address, port), timeout=2).close()
        return True

    def stop(self):
        self.process.stop()
        remove_address(self.address)
