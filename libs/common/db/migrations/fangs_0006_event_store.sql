-- SPDX-License-Identifier: Apache-2.0
-- Events in chunks: up to 64 consecutive ones of a run in one row. `events` becomes a view with the
-- columns that the existing CLI reads; the rows of before stay where they are, in `event_rows`.
ALTER TABLE events RENAME TO event_rows;

-- Findings outlive their evidence: its removal must not take them away.
DO $$ DECLARE c RECORD; BEGIN
    FOR c IN SELECT conname FROM pg_constraint
        WHERE conrelid = 'deviations'::regclass AND confrelid = 'event_rows'::regclass LOOP
        EXECUTE format('ALTER TABLE deviations DROP CONSTRAINT %I', c.conname);
    END LOOP;
END $$;

-- A chunk has the ids from `first_id` on, as many as `types` has characters: the digit of each
-- event's type as on the wire, '0' for unknown ones. `data` has a line of JSON for each.
CREATE TABLE event_chunks (
    first_id BIGINT PRIMARY KEY CHECK (first_id % 64 = 0),
    run_id   TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    ts_ns    BIGINT NOT NULL,
    types    TEXT NOT NULL,
    data     TEXT NOT NULL
);
CREATE INDEX event_chunks_by_run ON event_chunks (run_id, ts_ns);
-- The other method is several times slower, but some servers have nothing else.
DO $$ BEGIN
    ALTER TABLE event_chunks ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'events are compressed by pglz: %', SQLERRM;
END $$;

-- The ids that there are, so that the view finds an event by its id in an index.
CREATE TABLE event_ids (id BIGINT PRIMARY KEY);

CREATE FUNCTION fangs_event_chunks_deleted() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM event_ids i USING gone g WHERE i.id >= g.first_id AND i.id < g.first_id + 64;
    RETURN NULL;
END $$;
CREATE TRIGGER fangs_event_chunks_deleted AFTER DELETE ON event_chunks
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION fangs_event_chunks_deleted();

-- Each number drawn is the first of 64.
ALTER SEQUENCE events_id_seq INCREMENT BY 64;
SELECT setval('events_id_seq', (last_value / 64 + 1) * 64, FALSE) FROM events_id_seq;

CREATE FUNCTION fangs_event_type(types TEXT, n INTEGER) RETURNS TEXT
    LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE substr(types, n, 1) WHEN '1' THEN 'file_access' WHEN '2' THEN 'exec'
    WHEN '3' THEN 'net_connect' WHEN '4' THEN 'dns_query' WHEN '5' THEN 'tls_sni'
    ELSE 'unknown' END
$$;

-- Inlined, so that the planner sees how many there are.
CREATE FUNCTION fangs_chunk_ids(f BIGINT) RETURNS BIGINT[] LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS $$
SELECT ARRAY[
    f, f + 1, f + 2, f + 3, f + 4, f + 5, f + 6, f + 7,
    f + 8, f + 9, f + 10, f + 11, f + 12, f + 13, f + 14, f + 15,
    f + 16, f + 17, f + 18, f + 19, f + 20, f + 21, f + 22, f + 23,
    f + 24, f + 25, f + 26, f + 27, f + 28, f + 29, f + 30, f + 31,
    f + 32, f + 33, f + 34, f + 35, f + 36, f + 37, f + 38, f + 39,
    f + 40, f + 41, f + 42, f + 43, f + 44, f + 45, f + 46, f + 47,
    f + 48, f + 49, f + 50, f + 51, f + 52, f + 53, f + 54, f + 55,
    f + 56, f + 57, f + 58, f + 59, f + 60, f + 61, f + 62, f + 63
]
$$;

-- Both conditions of the join say the same. Neither is a plain equality, so the planner comes from a
-- run's chunks to their ids and from an id to its chunk, by index, and never hashes all that there
-- are. Joining the view to other tables: LATERAL (SELECT ... WHERE id = x OFFSET 0).
CREATE VIEW events AS
SELECT id, run_id, ts_ns, type, data FROM event_rows
UNION ALL
SELECT i.id, c.run_id, c.ts_ns, fangs_event_type(c.types, (i.id & 63)::int + 1),
    split_part(c.data, E'\n', (i.id & 63)::int + 1)::jsonb
FROM event_chunks c JOIN event_ids i
    ON i.id = ANY (fangs_chunk_ids(c.first_id)) AND c.first_id = ANY (ARRAY[i.id & -64]);

-- The same rows, for reading many events of one run: each chunk is unpacked once.
CREATE VIEW run_events AS
SELECT id, run_id, ts_ns, type, data FROM event_rows
UNION ALL
SELECT c.first_id + l.n - 1, c.run_id, c.ts_ns, fangs_event_type(c.types, l.n::int), l.line::jsonb
FROM event_chunks c, string_to_table(c.data, E'\n') WITH ORDINALITY AS l (line, n);

-- Who could read the table can read the view.
DO $$ DECLARE g RECORD; BEGIN
    FOR g IN SELECT a.grantee::regrole::text AS name FROM pg_class t, LATERAL aclexplode(t.relacl) a
        WHERE t.oid = 'event_rows'::regclass AND a.privilege_type = 'SELECT'
        AND a.grantee NOT IN (0, t.relowner) LOOP
        EXECUTE format('GRANT SELECT ON events, run_events TO %s', g.name);
    END LOOP;
    IF EXISTS (SELECT FROM pg_class t, LATERAL aclexplode(t.relacl) a
        WHERE t.oid = 'event_rows'::regclass AND a.privilege_type = 'SELECT' AND a.grantee = 0) THEN
        GRANT SELECT ON events, run_events TO PUBLIC;
    END IF;
END $$;

-- Which run we merged last into a value: another one in last_seen_run_id shows that the existing CLI
-- promoted it since, which cannot tell actors apart. So baseline_actors need not be written again
-- for each run that shows what is known. Updates of a row find room on its page.
ALTER TABLE baseline_fingerprints ADD COLUMN merged_run_id TEXT NOT NULL DEFAULT '';
UPDATE baseline_fingerprints b SET merged_run_id = b.last_seen_run_id
    WHERE EXISTS (SELECT FROM baseline_actors a WHERE a.package_name = b.package_name
        AND a.category = b.category AND a.value = b.value AND a.last_seen_run_id = b.last_seen_run_id);
ALTER TABLE baseline_fingerprints SET (fillfactor = 45);
ALTER TABLE baseline_actors RENAME COLUMN last_seen_run_id TO first_seen_run_id;

-- A run's fingerprints as transactions of the differ added them, each as one row of parallel arrays;
-- `run_fingerprints` adds them up. `number` is the lowest of its event ids.
CREATE TABLE run_sightings (
    run_id     TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number     BIGINT NOT NULL,
    categories TEXT[] NOT NULL,
    actors     TEXT[] NOT NULL,
    items      TEXT[] NOT NULL,
    counts     BIGINT[] NOT NULL,
    event_ids  BIGINT[] NOT NULL,
    creds      INTEGER[] NOT NULL,
    PRIMARY KEY (run_id, number)
);
DO $$ BEGIN
    ALTER TABLE run_sightings
        ALTER COLUMN categories SET COMPRESSION lz4, ALTER COLUMN actors SET COMPRESSION lz4,
        ALTER COLUMN items SET COMPRESSION lz4, ALTER COLUMN counts SET COMPRESSION lz4,
        ALTER COLUMN event_ids SET COMPRESSION lz4, ALTER COLUMN creds SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'fingerprints are compressed by pglz: %', SQLERRM;
END $$;
INSERT INTO run_sightings
SELECT run_id, min(first_event_id), array_agg(category ORDER BY first_event_id, category, actor, value),
    array_agg(actor ORDER BY first_event_id, category, actor, value),
    array_agg(value ORDER BY first_event_id, category, actor, value),
    array_agg(count ORDER BY first_event_id, category, actor, value),
    array_agg(first_event_id ORDER BY first_event_id, category, actor, value),
    array_agg(cred::int ORDER BY first_event_id, category, actor, value)
FROM run_fingerprints GROUP BY run_id;
DROP TABLE run_fingerprints;
CREATE VIEW run_fingerprints AS
SELECT s.run_id, f.category, f.actor, f.item AS value, sum(f.count)::bigint AS count,
    min(f.event_id) AS first_event_id, bool_or(f.cred <> 0) AS cred
FROM run_sightings s, unnest(s.categories, s.actors, s.items, s.counts, s.event_ids, s.creds)
    AS f (category, actor, item, count, event_id, cred)
GROUP BY s.run_id, f.category, f.actor, f.item;

-- Messages are some kilobytes each: the usual method takes twice as long for them as this one.
DO $$ BEGIN
    ALTER TABLE bus_messages ALTER COLUMN value SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'messages are compressed by pglz: %', SQLERRM;
END $$;

-- Is an event some finding's evidence? Asked before it is removed.
CREATE INDEX deviations_by_evidence ON deviations (evidence_event_id);
