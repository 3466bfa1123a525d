-- SPDX-License-Identifier: Apache-2.0
-- Runs that wait for a person: asked for by every open dashboard every few seconds.
CREATE INDEX runs_pending ON runs (started_at DESC NULLS LAST, id DESC)
    WHERE verdict = 'deviates' AND NOT is_baseline;
-- Lists of one package's runs and deviations, newest first.
CREATE INDEX runs_by_package ON runs (package_name, started_at DESC NULLS LAST, id DESC);
