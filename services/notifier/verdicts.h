// SPDX-License-Identifier: Apache-2.0
/*
 * A verdict with deviations becomes one delivery per target that wants to hear of its severity: the
 * handler of the `deviations` topic. The rows are written in the transaction of the message's
 * offset and are unique per run and target, so that a verdict notifies once however often it comes.
 */
#ifndef FANGS_NOTIFIER_VERDICTS_H
#define FANGS_NOTIFIER_VERDICTS_H

#include <stdbool.h>

#include "bus/consume.h"

/* `ctx` is not used. */
enum handled verdicts_handle(void *ctx, struct db_conn *conn, const struct bus_message *message,
                             struct error *err);

/* Does a target with this threshold want a run whose highest severity is that? Words that nobody
 * knows are no threshold: better one message too many. */
bool severity_wanted(const char *min_severity, const char *max_severity);

#endif
