-- SPDX-License-Identifier: Apache-2.0
-- What the bus needs in the database: outbox, consumed offsets and dead letters for both drivers,
-- and the logs themselves for the postgres driver.
CREATE TABLE outbox (
    id         BIGSERIAL PRIMARY KEY,
    topic      TEXT NOT NULL, -- base name, without the prefix
    partition  INTEGER NOT NULL, -- -1: by key
    key        BYTEA NOT NULL,
    value      BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE consumer_offsets (
    consumer_group TEXT NOT NULL,
    topic          TEXT NOT NULL,
    partition      INTEGER NOT NULL,
    next_offset    BIGINT NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer_group, topic, partition)
);

CREATE TABLE dead_letters (
    id           BIGSERIAL PRIMARY KEY,
    service      TEXT NOT NULL,
    topic        TEXT NOT NULL,
    partition    INTEGER NOT NULL,
    log_offset   BIGINT NOT NULL,
    key          BYTEA NOT NULL,
    value        BYTEA NOT NULL,
    reason       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (service, topic, partition, log_offset)
);

-- `topic` here is the full name, with bus.topic_prefix. Who holds which partition for which group
-- is not in a table: members and partitions are advisory locks, which end with their sessions.
-- A producer locks the partition's row until it commits, so offsets become visible in order.
CREATE TABLE bus_partitions (
    topic       TEXT NOT NULL,
    partition   INTEGER NOT NULL,
    next_offset BIGINT NOT NULL DEFAULT 0,
    first_offset BIGINT NOT NULL DEFAULT 0, -- below it everything was deleted
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10); -- one hot row each: room for its new versions on its own page
CREATE TABLE bus_messages (
    topic      TEXT NOT NULL,
    partition  INTEGER NOT NULL,
    log_offset BIGINT NOT NULL,
    key        BYTEA NOT NULL,
    value      BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, log_offset)
);
