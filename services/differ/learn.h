// SPDX-License-Identifier: Apache-2.0
/*
 * What varies from run to run of one version: learned, not guessed. Two complete runs of the same
 * version, of which one is in the baseline, are compared; what one of them did and the other did
 * not goes into `volatile_values` and deviates no more.
 *
 * Of two paths that differ in a part of one name only, with delimiters around it and three more
 * characters that agree in that name (`/tmp/build-1f.o`, `/tmp/build-9c.o`), the pattern is learned
 * (`/tmp/build-*.o`): for that actor, reading or writing, alone. Names on the network and programs
 * have no patterns, and nothing is learned about credentials.
 */
#ifndef FANGS_DIFFER_LEARN_H
#define FANGS_DIFFER_LEARN_H

#include "differ.h"

/* Compares a complete run with the newest promoted run of the same version, if there is one. */
int learn(struct db_conn *conn, const struct run_state *run, struct error *err);

/* The fixed parts of both paths, as above. */
bool learn_pattern(struct view a, struct view b, struct view *ret_head, struct view *ret_tail);

#endif
