-- SPDX-License-Identifier: Apache-2.0
-- What a package's baseline takes to be trusted, runs that are made to find out what varies, and
-- what a baseline forgets.

-- Where a package differs from what is configured for all; NULL: it does not.
CREATE TABLE package_policies (
    package_name TEXT PRIMARY KEY REFERENCES packages (name) ON DELETE CASCADE,
    seed_runs    INTEGER CHECK (seed_runs BETWEEN 1 AND 100),
    control      BOOLEAN,
    updated_at   TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A baseline's state: 'seeding' (fewer clean complete runs than asked for), 'trusted', 'reset' (it
-- was taken back: as if there were none). Lines are numbers of model/version_line.h.
ALTER TABLE baselines
    ADD COLUMN seeds       INTEGER NOT NULL DEFAULT 0, -- runs that made it, until it was trusted
    ADD COLUMN seeds_asked INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN promotions  BIGINT NOT NULL DEFAULT 0,  -- runs merged so far
    ADD COLUMN promoted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ADD COLUMN lowest_line BIGINT NOT NULL DEFAULT 0,  -- of the versions merged
    ADD COLUMN newest_line BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN aged        BIGINT NOT NULL DEFAULT 0,  -- `promotions` when old values were last removed
    ADD CONSTRAINT baselines_state CHECK (state IN ('seeding', 'trusted', 'reset'));
CREATE INDEX baselines_seeding ON baselines (package_name) WHERE state = 'seeding';
CREATE INDEX baselines_to_age ON baselines (package_name) WHERE promotions > aged;

-- A value is known to versions of the lines `since_line` to `until_line`. What stood here before
-- holds for all, and so does what the existing CLI writes. `seen_promotion` is the baseline's count
-- of merged runs when it was last seen.
ALTER TABLE baseline_fingerprints
    ADD COLUMN since_line     BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN until_line     BIGINT NOT NULL DEFAULT 9223372036854775807,
    ADD COLUMN seen_line      BIGINT NOT NULL DEFAULT 9223372036854775807,
    ADD COLUMN seen_promotion BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN seen_at        TIMESTAMPTZ NOT NULL DEFAULT now();

-- What one version of a package did in one run and not in another. With a `tail` it stands for all
-- values that begin with `value`, end in `tail` and have no slash between them.
CREATE TABLE volatile_values (
    package_name   TEXT NOT NULL,
    category       TEXT NOT NULL,
    actor          TEXT NOT NULL,
    value          TEXT NOT NULL,
    pattern        BOOLEAN NOT NULL DEFAULT FALSE,
    tail           TEXT NOT NULL DEFAULT '',
    shown_by       TEXT NOT NULL, -- the run that did it
    not_shown_by   TEXT NOT NULL, -- another run of the same version, which did not
    learned_at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (package_name, category, value, actor, pattern, tail)
);
CREATE INDEX volatile_patterns ON volatile_values (package_name, category) WHERE pattern;

-- A run that deviates and whose verdict is held back until the baseline's version was run again.
ALTER TABLE runs ADD COLUMN control_of TEXT NOT NULL DEFAULT '';
CREATE TABLE controls (
    run_id         TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    version        TEXT NOT NULL,            -- that is run again
    control_run_id TEXT NOT NULL DEFAULT '', -- the run that does it, once it was made
    asked_at       TIMESTAMPTZ NOT NULL DEFAULT now(),
    until          TIMESTAMPTZ NOT NULL,     -- then the verdict goes out without it
    ended_at       TIMESTAMPTZ,
    -- '' while it is open; 'drift' (all that was new), 'part', 'none' of it is drift; 'failed' (the
    -- control is not complete), 'expired'
    outcome        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX controls_open ON controls (until) WHERE outcome = '';

-- The control showed it too: it comes from what changed around the package. Such are suppressed.
ALTER TABLE deviations ADD COLUMN drift BOOLEAN NOT NULL DEFAULT FALSE;

-- Runs that were made for one package's seeding are counted.
CREATE INDEX runs_seeding ON runs (package_name, queued_at) WHERE trigger = 'seed';
