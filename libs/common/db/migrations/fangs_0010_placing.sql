-- SPDX-License-Identifier: Apache-2.0
-- Which runners are asked for by name: looked up on every placing, and a few among all that wait.
CREATE INDEX runs_queued_for ON runs (target_runner) WHERE phase = 'queued' AND target_runner <> '';
