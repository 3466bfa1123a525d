// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a run that no runner will report any more. It goes the way of every result: a message
 * on `events`, so that the differ judges it behind whatever the run's events said before.
 */
#ifndef FANGS_DISPATCHER_FAILING_H
#define FANGS_DISPATCHER_FAILING_H

#include <stdint.h>

#include "base/error.h"
#include "db/db.h"

/* Within the caller's transaction, which holds the run's lock: takes the run from the queue or its
 * runner for good, and puts a result with status failed and this reason on its way. */
int fail_run(struct db_conn *conn, const char *run_id, int64_t attempt, const char *runner_id,
             const char *reason, struct error *err);

#endif
