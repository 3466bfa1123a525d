-- SPDX-License-Identifier: Apache-2.0
-- What a deviation says about why: the command line, and the tree of processes (a lifecycle script and
-- all below it; by the pid of its root, 1 when it is not known) in which a combination was found.
ALTER TABLE deviations
    ADD COLUMN command TEXT NOT NULL DEFAULT '',
    ADD COLUMN tree    BIGINT NOT NULL DEFAULT 0;

-- What the existing CLI calls a fingerprint ('' when it calls it the same). `creds` has two things:
-- whether it is a credential (bit 0), and services/differ/marks.h above.
ALTER TABLE run_sightings ADD COLUMN compatibles TEXT[];
CREATE OR REPLACE VIEW run_fingerprints AS
SELECT s.run_id, f.category, f.actor, f.item AS value, sum(f.count)::bigint AS count,
    min(f.event_id) AS first_event_id, bool_or(f.cred & 1 <> 0) AS cred,
    coalesce((array_agg(f.cred >> 1 ORDER BY f.event_id) FILTER (WHERE f.cred > 1))[1], 0) AS mark,
    coalesce(nullif((array_agg(f.compatible ORDER BY f.event_id))[1], ''), f.item) AS compatible
FROM run_sightings s,
    unnest(s.categories, s.actors, s.items, s.counts, s.event_ids, s.creds, s.compatibles)
    AS f (category, actor, item, count, event_id, cred, compatible)
GROUP BY s.run_id, f.category, f.actor, f.item;

-- What a run's events said about its later ones, in lines (services/differ/run_context.h): read again,
-- in order, by the differ that takes the run over.
CREATE TABLE run_facts (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    facts  TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
);
