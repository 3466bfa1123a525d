-- SPDX-License-Identifier: Apache-2.0
-- What the existing system found in this database and nobody has decided waits for a person here
-- as well.
UPDATE runs r SET verdict = 'deviates',
        judged_at = (SELECT max(d.detected_at) FROM deviations d WHERE d.run_id = r.id)
    WHERE r.verdict = '' AND r.phase = 'judged' AND r.job IS NULL AND NOT r.is_baseline
        AND r.package_name <> '' AND EXISTS (SELECT 1 FROM deviations d WHERE d.run_id = r.id);
