// SPDX-License-Identifier: Apache-2.0
/* One transaction over some messages of a poll. */
#ifndef FANGS_DIFFER_TRANSACT_H
#define FANGS_DIFFER_TRANSACT_H

#include "differ.h"

/* Applies the messages and stores how far their partitions came; messages that cannot be read
 * become dead letters. On failure nothing of it holds, except when the outcome of the commit is
 * unknown: then the offset in the database tells. DROP: one of the messages breaks the transaction.
 */
int transact(struct differ *differ, const struct bus_message *messages, size_t count,
             struct error *err);

/* Gives up on one message: a dead letter with that reason instead of what it says. */
int transact_dead_letter(struct differ *differ, const struct bus_message *message,
                         const char *reason, struct error *err);

#endif
