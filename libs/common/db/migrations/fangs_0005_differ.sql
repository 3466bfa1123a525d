-- SPDX-License-Identifier: Apache-2.0
-- An existing runner counts its losses since its start: each of its results is compared with the one
-- before.
CREATE INDEX run_progress_results ON run_progress
    ((result ->> 'runner_id'), ((result ->> 'sent_at_ns')::bigint))
    WHERE result ->> 'native' = 'false';
