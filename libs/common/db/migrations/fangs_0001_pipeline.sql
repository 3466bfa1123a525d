-- SPDX-License-Identifier: Apache-2.0
-- The pipeline's own tables. Everything here has defaults, so that the existing CLI's INSERTs with
-- explicit column lists keep working.

-- Unix nanoseconds of a timestamp, exact to the microsecond.
CREATE FUNCTION fangs_ns(t TIMESTAMPTZ) RETURNS BIGINT LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS
$$ SELECT (EXTRACT(EPOCH FROM t) * 1000000)::BIGINT * 1000 $$;

-- A run's way through the pipeline, beside the compatible `state`:
--   queued    waits for a runner with a free slot
--   leased    placed on runner_id; no sign of life yet
--   running   the runner showed a sign of life (heartbeat naming the run, events)
--   finished  the runner's result is durable (on the bus or applied); the slot is free
--   judged    the differ has spoken: baseline or deviations
ALTER TABLE runs
    ADD COLUMN phase             TEXT NOT NULL DEFAULT 'judged'
        CHECK (phase IN ('queued', 'leased', 'running', 'finished', 'judged')),
    ADD COLUMN trigger           TEXT NOT NULL DEFAULT 'scan', -- 'release' or 'scan'
    ADD COLUMN target_runner     TEXT NOT NULL DEFAULT '',     -- '' : any runner
    ADD COLUMN runner_id         TEXT NOT NULL DEFAULT '',     -- holder of the lease
    ADD COLUMN lease_expires_at  TIMESTAMPTZ,
    ADD COLUMN queued_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    ADD COLUMN not_before        TIMESTAMPTZ NOT NULL DEFAULT now(), -- back-off between attempts
    ADD COLUMN job               JSONB,                        -- job.h; NULL: not ours to place
    ADD COLUMN judged_at         TIMESTAMPTZ,
    ADD COLUMN verdict           TEXT NOT NULL DEFAULT '',     -- seeded, clean, deviates, incomplete, none
    ADD COLUMN complete          BOOLEAN NOT NULL DEFAULT FALSE, -- ok result, no loss, no gap
    ADD COLUMN incomplete_reason TEXT NOT NULL DEFAULT '',
    ADD COLUMN image             TEXT NOT NULL DEFAULT '',
    ADD COLUMN image_digest      TEXT NOT NULL DEFAULT '',
    ADD COLUMN sensor_tier       TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_queued ON runs (not_before, queued_at) WHERE phase = 'queued';
CREATE INDEX runs_leased ON runs (lease_expires_at) WHERE phase IN ('leased', 'running');
CREATE INDEX runs_by_runner ON runs (runner_id) WHERE phase IN ('leased', 'running');
CREATE INDEX runs_by_started ON runs (started_at DESC NULLS LAST, id DESC);
CREATE INDEX runs_by_id_prefix ON runs (id text_pattern_ops);
CREATE UNIQUE INDEX runs_one_per_release ON runs (package_name, version) WHERE trigger = 'release';
CREATE INDEX deviations_by_detected ON deviations (detected_at DESC, id DESC);
CREATE INDEX deviations_by_id_prefix ON deviations (id text_pattern_ops);

-- One row per placing. `wire_id` is the run id which that attempt's runner is told: the run's own id
-- for attempt 1, a fresh one afterwards, so that posts of an overtaken attempt are told apart.
CREATE TABLE run_attempts (
    run_id       TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL,
    wire_id      TEXT NOT NULL UNIQUE,
    runner_id    TEXT NOT NULL,
    placed_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    offered_at   TIMESTAMPTZ, -- handed out on a poll (HTTP runners)
    confirmed_at TIMESTAMPTZ, -- first sign of life
    ended_at     TIMESTAMPTZ,
    outcome      TEXT NOT NULL DEFAULT '', -- result, expired, lost, handed_back
    PRIMARY KEY (run_id, attempt)
);

-- What the differ has applied of a run's attempt: the exactly-once record beside the offset.
CREATE TABLE run_progress (
    run_id          TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    attempt         INTEGER NOT NULL,
    seqs            INT8MULTIRANGE NOT NULL DEFAULT '{}', -- batch numbers seen
    events_stored   BIGINT NOT NULL DEFAULT 0,
    last_event_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    result          JSONB -- the runner's result, once seen
);

-- A run's fingerprints, aggregated: what promotion merges. `actor` is who did it: 'manager' (the
-- package manager itself), 'package' (code of a package), 'unknown' (the runner could not tell).
CREATE TABLE run_fingerprints (
    run_id         TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    category       TEXT NOT NULL,
    actor          TEXT NOT NULL,
    value          TEXT NOT NULL,
    count          BIGINT NOT NULL,
    first_event_id BIGINT NOT NULL,
    cred           BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (run_id, category, actor, value)
);

-- Who is known to do what: beside baseline_fingerprints, which the existing CLI reads and writes and
-- which cannot tell actors apart. A row there without any row here (the CLI promoted it) holds for
-- every actor.
CREATE TABLE baseline_actors (
    package_name     TEXT NOT NULL,
    category         TEXT NOT NULL,
    value            TEXT NOT NULL,
    actor            TEXT NOT NULL,
    last_seen_run_id TEXT NOT NULL,
    PRIMARY KEY (package_name, category, value, actor)
);

-- A package's baseline exists from its first seeding run on, also when it has no fingerprints.
CREATE TABLE baselines (
    package_name TEXT PRIMARY KEY,
    state        TEXT NOT NULL DEFAULT 'trusted',
    seeded_by    TEXT NOT NULL,
    seeded_at    TIMESTAMPTZ NOT NULL DEFAULT now()
);

ALTER TABLE deviations
    ADD COLUMN actor   TEXT NOT NULL DEFAULT 'unknown',
    ADD COLUMN reason  TEXT NOT NULL DEFAULT '', -- one sentence: why this is flagged
    ADD COLUMN process TEXT NOT NULL DEFAULT ''; -- chain of the evidence's process, "npm > sh > node"

CREATE TABLE runners (
    id               TEXT PRIMARY KEY,
    hostname         TEXT NOT NULL DEFAULT '',
    kernel_version   TEXT NOT NULL DEFAULT '',
    capabilities     TEXT[] NOT NULL DEFAULT '{}',
    transport        TEXT NOT NULL DEFAULT 'http' CHECK (transport IN ('http', 'kafka')),
    jobs_partition   INTEGER UNIQUE, -- kafka runners only
    boot_id          TEXT NOT NULL DEFAULT '', -- changes with each start of our runner
    slots            INTEGER NOT NULL DEFAULT 1,
    status           TEXT NOT NULL DEFAULT '', -- idle, running, draining as the runner says
    active_run_id    TEXT NOT NULL DEFAULT '',
    sensor_tier      TEXT NOT NULL DEFAULT '',
    version          TEXT NOT NULL DEFAULT '',
    registered_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_seen_at     TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Conditional requests and back-off of the watcher, beside the compatible `packages` row.
CREATE TABLE package_polls (
    package_name  TEXT PRIMARY KEY REFERENCES packages (name) ON DELETE CASCADE,
    etag          TEXT NOT NULL DEFAULT '',
    failures      INTEGER NOT NULL DEFAULT 0,
    next_poll_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_error    TEXT NOT NULL DEFAULT '',
    registry_state TEXT NOT NULL DEFAULT '' -- '', not_found, unpublished, security_held
);
ALTER TABLE releases
    ADD COLUMN tarball_url TEXT NOT NULL DEFAULT '',
    ADD COLUMN shasum      TEXT NOT NULL DEFAULT '';

-- Webhooks to send: the notifier's queue. One row per run and target; audit rows go to
-- `notifications` per attempt.
CREATE TABLE deliveries (
    run_id          TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    notifier_name   TEXT NOT NULL REFERENCES notifiers (name) ON DELETE CASCADE,
    webhook_id      TEXT NOT NULL, -- stable over retries, for the receiver's de-duplication
    status          TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'failed', 'permanent')),
    attempt         INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    claimed_until   TIMESTAMPTZ,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, notifier_name)
);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE status = 'queued';

-- Promotions and other decisions: who and when.
CREATE TABLE decisions (
    id         BIGSERIAL PRIMARY KEY,
    run_id     TEXT NOT NULL,
    decision   TEXT NOT NULL, -- promote
    decided_by TEXT NOT NULL DEFAULT '',
    decided_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    note       TEXT NOT NULL DEFAULT ''
);

-- Live states of the services of one installation, for `fangs status`.
CREATE TABLE service_instances (
    service      TEXT NOT NULL,
    instance     TEXT NOT NULL, -- host:pid
    version      TEXT NOT NULL,
    started_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ready        BOOLEAN NOT NULL DEFAULT FALSE,
    detail       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (service, instance)
);
