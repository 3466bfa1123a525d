// SPDX-License-Identifier: Apache-2.0
/*
 * Controls: when the run of a release deviates in nothing critical, its verdict is not told yet. A
 * version that is in the baseline is run again first (the dispatcher makes that run), and what it
 * does today as well is drift of the environment: suppressed, and marked so.
 *
 *  - The deviations themselves are on the topic at once, and the run is held for a person; only the
 *    message about the verdict waits. It goes out once, in the transaction that closes the row of
 *    `controls`: when the control was judged, or when its time is up.
 *  - A control that is not complete, or did not end in time, explains nothing: the verdict stands.
 *  - What is critical is never drift, and never waits.
 *  - A run with nothing left becomes `clean` and is merged, or `incomplete`, unless a person
 * decided meanwhile.
 */
#ifndef FANGS_DIFFER_CONTROL_H
#define FANGS_DIFFER_CONTROL_H

#include "differ.h"

/* The run deviates. 1: its verdict waits; 0: it is to be told now. */
int control_ask(const struct differ *differ, struct db_conn *conn, const struct run_state *run,
                const struct outcome *outcome, struct error *err);

/* A control was judged. The caller holds the package's lock. */
int control_end(struct differ *differ, struct db_conn *conn, const struct run_state *control,
                bool complete, struct error *err);

#endif
