-- SPDX-License-Identifier: Apache-2.0
-- Whether a run's value was reported already: asked for each of its values when it ends, and a hostile
-- package can make a hundred thousand. Values may be longer than an index entry, their digest is not.
CREATE INDEX deviations_by_value ON deviations (run_id, md5(value));
