// SPDX-License-Identifier: Apache-2.0
/* Parts of writing a batch that others need, too; the whole is differ_write(). */
#ifndef FANGS_DIFFER_WRITER_H
#define FANGS_DIFFER_WRITER_H

#include "deviation.h"
#include "differ.h"

/* Writes the event rows collected so far. */
int writer_events(struct differ *differ, struct db_conn *conn, struct error *err);

/* Deviations to report, in the arena of the batch. */
struct deviation_list {
	struct deviation_message *items;
	size_t count, capacity;
};
/* Makes one of `source` and adds it. */
void deviation_list_add(struct differ *differ, struct deviation_list *list,
                        const struct deviation_source *source);

/* Writes rows, and a message for each row that was not there yet. Counts them for the run. */
int writer_deviations(struct differ *differ, struct db_conn *conn,
                      const struct deviation_list *list, struct error *err);

#endif
