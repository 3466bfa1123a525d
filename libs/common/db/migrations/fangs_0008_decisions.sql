-- SPDX-License-Identifier: Apache-2.0
-- What a person decided about a run: '' (nothing yet), 'promote', 'reject'. A rejected run leaves
-- the pending ones and stays out of the baseline; its deviations stand as confirmed findings.
ALTER TABLE runs
    ADD COLUMN decision TEXT NOT NULL DEFAULT '' CHECK (decision IN ('', 'promote', 'reject'));
UPDATE runs SET decision = 'promote' WHERE is_baseline
    AND EXISTS (SELECT 1 FROM decisions d WHERE d.run_id = runs.id AND d.decision = 'promote');

DROP INDEX runs_pending;
CREATE INDEX runs_pending ON runs (started_at DESC NULLS LAST, id DESC)
    WHERE verdict = 'deviates' AND NOT is_baseline AND decision = '';

-- Decisions about baselines have no run: 'reset' forgets a package's baseline, 'forget' one
-- fingerprint of it (`category`, `value`).
ALTER TABLE decisions
    ALTER COLUMN run_id SET DEFAULT '',
    ADD COLUMN package_name TEXT NOT NULL DEFAULT '',
    ADD COLUMN category     TEXT NOT NULL DEFAULT '',
    ADD COLUMN value        TEXT NOT NULL DEFAULT '';
UPDATE decisions d SET package_name = r.package_name FROM runs r WHERE r.id = d.run_id;
CREATE INDEX decisions_by_run ON decisions (run_id) WHERE run_id <> '';
CREATE INDEX decisions_by_package ON decisions (package_name, id DESC);

-- The history of one notifier, newest first.
CREATE INDEX notifications_by_created ON notifications (created_at DESC, id DESC);
