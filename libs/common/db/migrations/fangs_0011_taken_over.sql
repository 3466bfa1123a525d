-- SPDX-License-Identifier: Apache-2.0
-- What the existing system found in this database and nobody has decided waits for a person here
-- as well.
UPDATE runs r SET verdict = 'deviates',
        judged_at = (SELECT max(d.detected_at) FROM deviations d WHERE d.run_id = r.id)
    WHERE r.verdict = '' AND r.phase = 'judged' AND r.job IS NULL AND NOT r.is_baseline
        AND r.package_name <> '' AND EXISTS (SELECT 1 FROM deviations d WHERE d.run_id = r.id);

-- A run without a time would stand in no list: it gets that of its row.
UPDATE runs SET started_at = COALESCE(finished_at, queued_at) WHERE started_at IS NULL;
ALTER TABLE runs ALTER COLUMN started_at SET DEFAULT now();
