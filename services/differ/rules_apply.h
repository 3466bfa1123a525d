// SPDX-License-Identifier: Apache-2.0
/*
 * What allow entries and the baseline say about deviations that were found before: those that a
 * rule covers now are suppressed, and those that none covers any more count again. What a person
 * suppressed stays so.
 */
#ifndef FANGS_DIFFER_RULES_APPLY_H
#define FANGS_DIFFER_RULES_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "differ.h"

struct rule_changes {
	int64_t allowed; /* by an entry now */
	int64_t known;   /* to the baseline now */
	int64_t back;    /* count again */
};

/* What the run deviates in, by the entries as they are now; notes in the run's row that it was
 * judged by them. `*ret_open` also counts what a person suppressed: who does that has not accepted
 * it, so the run still waits for a person, and is not merged without a word. */
int rules_count(struct differ *differ, struct db_conn *conn, const struct run_state *run,
                bool ask_baseline, struct outcome *ret, int64_t *ret_open,
                struct rule_changes *ret_changes, struct error *err);

#endif
