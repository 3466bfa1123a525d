# SPDX-License-Identifier: Apache-2.0
"""The existing system's CLI as the database sees it: its statements, in its order.

It opens the database itself and has the fingerprint rules compiled in. Only what it relies on is
here; what it prints is not.
"""
import contextlib
import ipaddress
import pathlib

import psycopg2

import reference_rules
from .paths import ROOT

MIGRATIONS = ROOT / "libs" / "common" / "db" / "migrations"
TYPES = {"file_access": 1, "exec": 2, "net_connect": 3, "dns_query": 4, "tls_sni": 5}
TEXTS = ("PathName", "BinaryPathStr", "DestIP", "QName", "SNI")
NUMBERS = ("Flags", "DestPort")
RUN_COLUMNS = ("id, package_name, version, tarball_sha256, lockfile_sha256, node_version, "
               "npm_version, state, attempt, is_baseline, started_at, finished_at, "
               "failure_reason, events_emitted, events_dropped, duration_ns")
DEVIATION_COLUMNS = ("d.id, d.run_id, d.category, d.value, d.evidence_event_id, d.severity, "
                     "d.detected_at, d.notified_at, d.suppressed")
NOTIFIER_COLUMNS = ("name, url, template, secret_env, headers, min_severity, enabled, created_at, "
                    "updated_at")
PROMOTE_EVENTS_MAX = 10000


def _fingerprint(kind, payload):
    """By the documented rules; a payload that does not decode is passed over."""
    if not isinstance(payload, dict):
        return None
    fields = {key: payload.get(key) or "" for key in TEXTS}
    fields.update({key: payload.get(key) or 0 for key in NUMBERS})
    if not all(isinstance(fields[key], str) for key in TEXTS) or \
            not all(isinstance(fields[key], int) for key in NUMBERS):
        return None
    return reference_rules.fingerprint({"type": TYPES.get(kind), "payload": fields})


def _allowed(found, kind, rows):
    """Whether an allow entry (kind, value) takes the fingerprint away."""
    category, value = found
    if category.startswith("fs_"):
        return any(k == "path" and value.startswith(v) for k, v in rows)
    if category == "net_new_https_host":
        return any(k == "sni" and value == v.strip().lower() for k, v in rows)
    if category == "net_new_destination":
        address = ipaddress.ip_address(value.rpartition(":")[0])
        return any(k == "cidr" and address in ipaddress.ip_network(v, strict=False)
                   for k, v in rows)
    return False


class ExistingCli:
    def __init__(self, url):
        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.migrate()

    def close(self):
        self.connection.close()

    def sql(self, statement, *parameters):
        """Rows of a query, else the number of rows that were written."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    @contextlib.contextmanager
    def transaction(self):
        self.sql("BEGIN")
        try:
            yield
        except BaseException:
            self.sql("ROLLBACK")
            raise
        self.sql("COMMIT")

    # Every call of the CLI begins with it.
    def migrate(self):
        """Returns the migrations that it applied."""
        self.sql("CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, "
                 "applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)")
        done = {row[0] for row in self.sql("SELECT version FROM schema_migrations")}
        applied = []
        for file in sorted(pathlib.Path(MIGRATIONS).glob("0*.sql")):
            if file.stem in done:
                continue
            with self.transaction():
                self.sql(file.read_text())
                self.sql("INSERT INTO schema_migrations (version) VALUES (%s)", file.stem)
            applied.append(file.stem)
        return applied

    # Runs.
    def run_list(self, package=None, limit=100):
        if package is None:
            return self.sql(f"SELECT {RUN_COLUMNS} FROM runs ORDER BY started_at DESC NULLS LAST "
                            "LIMIT %s", limit)
        return self.sql(f"SELECT {RUN_COLUMNS} FROM runs WHERE package_name = %s ORDER BY "
                        "started_at DESC NULLS LAST, id DESC LIMIT %s", package, limit)

    def run(self, prefix):
        rows = self.sql(f"SELECT {RUN_COLUMNS} FROM runs WHERE id LIKE %s||'%%' LIMIT 2", prefix)
        assert len(rows) == 1, rows
        return rows[0]

    def run_show(self, prefix):
        """The run, its deviations and the number of its events."""
        run = self.run(prefix)
        return run, self.sql(f"SELECT {DEVIATION_COLUMNS} FROM deviations d WHERE d.run_id = %s "
                             "ORDER BY d.detected_at, d.id", run[0]), \
            self.sql("SELECT COUNT(*) FROM events WHERE run_id = %s", run[0])[0][0]

    # Deviations.
    def deviation_list(self, package=None, severity=None, run_id=None, limit=0):
        conditions, parameters = [], []
        for column, value in (("r.package_name", package), ("d.severity", severity),
                              ("d.run_id", run_id)):
            if value is not None:
                conditions.append(f"{column} = %s")
                parameters.append(value)
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        bound = f"LIMIT {limit}" if limit > 0 else ""
        return self.sql(f"SELECT {DEVIATION_COLUMNS} FROM deviations d JOIN runs r ON r.id = "
                        f"d.run_id {where}ORDER BY d.detected_at DESC, d.id DESC {bound}",
                        *parameters)

    def deviation_show(self, prefix):
        """The deviation and its evidence."""
        rows = self.sql(f"SELECT {DEVIATION_COLUMNS} FROM deviations d WHERE d.id LIKE %s||'%%' "
                        "LIMIT 2", prefix)
        assert len(rows) == 1, rows
        events = self.sql("SELECT id, run_id, ts_ns, type, data::text FROM events WHERE id = %s",
                          rows[0][4])
        assert len(events) == 1, rows
        return rows[0], events[0]

    def pending(self):
        """Deviations of runs that are not part of their baseline."""
        found = self.deviation_list(limit=5000)
        waiting = {run_id for run_id in {row[1] for row in found} if not self.run(run_id)[9]}
        return [row for row in found if row[1] in waiting]

    # Baselines.
    def baseline_list(self, package):
        return self.sql("SELECT package_name, category, value, first_seen_run_id, "
                        "last_seen_run_id, occurrence_count FROM baseline_fingerprints "
                        "WHERE package_name = %s", package)

    def fingerprints(self, run_id, package):
        """{(category, value): count} by what is stored, as the CLI itself computes it."""
        events = self.sql("SELECT id, run_id, ts_ns, type, data FROM events WHERE run_id = %s "
                          "ORDER BY ts_ns, id LIMIT %s", run_id, PROMOTE_EVENTS_MAX)
        entries = [(row[3], row[4]) for row in self.allow_list()
                   if row[1] == "global" or row[2] == package]
        found = {}
        for event in events:
            value = _fingerprint(event[3], event[4])
            if value and not _allowed(value, event[3], entries):
                found[value] = found.get(value, 0) + 1
        return found

    def baseline_promote(self, prefix):
        """Returns what it merged."""
        run = self.run(prefix)
        run_id, package = run[0], run[1]
        found = self.fingerprints(run_id, package)
        with self.transaction():
            for (category, value), count in found.items():
                self.sql("INSERT INTO baseline_fingerprints (package_name, category, value, "
                         "first_seen_run_id, last_seen_run_id, occurrence_count) VALUES "
                         "(%s, %s, %s, %s, %s, %s) ON CONFLICT (package_name, category, value) "
                         "DO UPDATE SET last_seen_run_id = EXCLUDED.last_seen_run_id, "
                         "occurrence_count = baseline_fingerprints.occurrence_count + "
                         "EXCLUDED.occurrence_count", package, category, value, run_id, run_id,
                         count)
        assert self.sql("UPDATE runs SET is_baseline = true WHERE id = %s", run_id) == 1
        self.sql("DELETE FROM deviations WHERE run_id = %s", run_id)
        return found

    # Packages and releases.
    def package_list(self):
        rows = self.sql("SELECT package_name, COUNT(*), SUM(CASE WHEN is_baseline THEN 1 ELSE 0 "
                        "END) FROM runs WHERE package_name <> '' GROUP BY package_name "
                        "ORDER BY package_name")
        listed = []
        for package, runs, baselines in rows:
            latest = self.sql(f"SELECT {RUN_COLUMNS} FROM runs WHERE package_name = %s ORDER BY "
                              "started_at DESC NULLS LAST, id DESC LIMIT 1", package)[0]
            count = self.sql("SELECT COUNT(*) FROM deviations WHERE run_id = %s", latest[0])[0][0]
            listed.append((package, runs, int(baselines), latest[0], count))
        return listed

    def package_watched(self):
        return self.sql("SELECT name, added_at, last_checked_at, last_seen_version FROM packages "
                        "ORDER BY name")

    def package_add(self, name, latest):
        self.sql("INSERT INTO packages (name, added_at) VALUES (%s, now()) ON CONFLICT DO NOTHING",
                 name)
        return self.sql("UPDATE packages SET last_checked_at = now(), last_seen_version = %s "
                        "WHERE name = %s", latest, name)

    def package_remove(self, name):
        return self.sql("DELETE FROM packages WHERE name = %s", name)

    def release_list(self, package, limit=100):
        return self.sql("SELECT package_name, version, tarball_sha256, npm_integrity, "
                        "published_at, discovered_at FROM releases WHERE package_name = %s "
                        "ORDER BY discovered_at DESC LIMIT %s", package, limit)

    # Allow entries.
    def allow_list(self):
        return self.sql("SELECT id, scope, package_name, kind, value, note, created_at FROM "
                        "allowlists ORDER BY scope, COALESCE(package_name, ''), kind, value")

    def allow_add(self, entry_id, kind, value, package=None, note=""):
        self.sql("INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at) "
                 "VALUES (%s, %s, %s, %s, %s, %s, now())", entry_id,
                 "package" if package else "global", package, kind, value, note)

    def allow_remove(self, prefix):
        rows = self.sql("SELECT id FROM allowlists WHERE id LIKE %s||'%%' LIMIT 2", prefix)
        assert len(rows) == 1, rows
        return self.sql("DELETE FROM allowlists WHERE id = %s", rows[0][0])

    # Notifiers.
    def notifier_list(self):
        return self.sql(f"SELECT {NOTIFIER_COLUMNS} FROM notifiers ORDER BY name")

    def notifier_add(self, name, url, template="generic"):
        self.sql("INSERT INTO notifiers (name, url, template, secret_env, headers, min_severity, "
                 "enabled, created_at, updated_at) VALUES (%s, %s, %s, NULL, NULL, NULL, true, "
                 "now(), now()) ON CONFLICT (name) DO UPDATE SET url = EXCLUDED.url, template = "
                 "EXCLUDED.template, secret_env = EXCLUDED.secret_env, headers = "
                 "EXCLUDED.headers, min_severity = EXCLUDED.min_severity, enabled = "
                 "EXCLUDED.enabled, updated_at = EXCLUDED.updated_at", name, url, template)

    def notifier_remove(self, name):
        return self.sql("DELETE FROM notifiers WHERE name = %s", name)

    def notifier_history(self, run_id):
        return self.sql("SELECT id, run_id, notifier_name, attempt, status, last_attempted_at, "
                        "next_attempt_at, response_code, response_body, error_msg, "
                        "deviation_count, created_at FROM notifications WHERE run_id = %s "
                        "ORDER BY attempt", run_id)
