// SPDX-License-Identifier: Apache-2.0
/* Parts of writing a batch that others need, too; the whole is differ_write(). */
#ifndef FANGS_DIFFER_WRITER_H
#define FANGS_DIFFER_WRITER_H

#include "deviation.h"
#include "differ.h"

/* Writes the event rows collected so far. */
int writer_events(struct differ *differ, struct db_conn *conn, struct error *err);

/* A run may have a million of them, and each takes some kilobytes on its way. */
enum { DEVIATIONS_AT_ONCE = 1000 };

/* Deviations to report. */
struct deviation_list {
	struct arena arena;
	struct deviation_message *items; /* in there */
	size_t count, capacity;
};
void deviation_list_init(struct deviation_list *list);
void deviation_list_release(struct deviation_list *list);
static inline void auto_deviation_list(struct deviation_list *list)
{
	deviation_list_release(list);
}
/* Makes one of `source` and adds it. */
void deviation_list_add(struct deviation_list *list, const struct deviation_source *source);

/* Writes rows, and a message for each row that was not there yet. Counts them for the run. */
int writer_deviations(struct differ *differ, struct db_conn *conn, struct deviation_list *list,
                      struct error *err);

#endif
