# SPDX-License-Identifier: Apache-2.0
"""The bus on a real Kafka: the unit tests run it on PostgreSQL and on librdkafka's mock cluster."""
import os
import subprocess

from harness.paths import BIN


def test_nothing_is_lost_or_doubled_when_consumers_are_killed(postgres, kafka):
    environment = {**os.environ, "FANGS_TEST_DB_URL": postgres.create_database(),
                   "FANGS_TEST_KAFKA_BROKERS": kafka.brokers}
    done = subprocess.run([BIN.parent / "tests" / "bus_delivery_test"], env=environment,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[       OK ] on_kafka" in done.stdout
