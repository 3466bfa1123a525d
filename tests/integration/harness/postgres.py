# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL cluster for the test session, a fresh database per test."""
import contextlib
import glob
import os
import pwd
import signal
import subprocess

import psycopg2

from .processes import Process, free_port
from .wait import wait_for


class Postgres:
    def __init__(self, directory):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.port = free_port()
        self.data = str(directory / "data")
        self.user = None
        self.count = 0
        if os.geteuid() == 0:
            self.user = "postgres"
            ids = pwd.getpwnam(self.user)
            os.chown(directory, ids.pw_uid, ids.pw_gid)
        subprocess.run([f"{self.bin}/initdb", "-D", self.data, "-U", "fangs", "-A", "trust",
                        "-E", "UTF8", "--locale=C"], check=True, user=self.user,
                       stdout=subprocess.DEVNULL)
        self.process = Process(
            "postgres",
            [f"{self.bin}/postgres", "-D", self.data, "-p", self.port, "-c",
             "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c",
             "max_connections=300"],
            directory / "postgres.log", user=self.user)

    def start(self):
        wait_for("postgres", self._started)
        return self

    def _started(self):
        # After a crash it refuses to start until the last of its processes has noticed.
        if not self.process.running:
            self.process.start()
        psycopg2.connect(self.url("postgres")).close()
        return True

    def kill(self):
        """As a crash; `start()` brings it back."""
        self.process.kill()

    def stop(self):
        self.process.stop(sig=signal.SIGINT)

    def url(self, database):
        return f"postgresql://fangs@127.0.0.1:{self.port}/{database}"

    def create_database(self):
        """A fresh one; returns its URL."""
        self.count += 1
        name = f"test_{self.count}"
        with contextlib.closing(psycopg2.connect(self.url("postgres"))) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {name}")
        return self.url(name)


def query(url, sql, parameters=None):
    """All rows of one statement."""
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
