// SPDX-License-Identifier: Apache-2.0
/*
 * The filter of the rows that people keep in `allowlists`, also behind our back: read again when a
 * run begins, and at the latest a second after the last time.
 */
#ifndef FANGS_DIFFER_ALLOW_LIST_H
#define FANGS_DIFFER_ALLOW_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "filter.h"

struct allow_list {
	struct filter *filter; /* NULL: never read */
	int64_t read_ms;       /* monotonic */
	int64_t refused;       /* rows that are not valid, as last logged */
};

void allow_list_release(struct allow_list *allow); /* `= {0}` is one never read */

/* Makes `filter` fresh enough; `run_begins` asks for the rows as they are now. Logs rows that are
 * not valid when their number changes. */
int allow_list_refresh(struct allow_list *allow, struct db_conn *conn, locale_t locale,
                       bool run_begins, struct error *err);

#endif
