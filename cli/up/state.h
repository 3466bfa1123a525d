// SPDX-License-Identifier: Apache-2.0
/*
 * What `fangs up` tells other commands about itself: <data_dir>/up.json, readable by its owner only
 * because the database URL holds a password.
 */
#ifndef FANGS_CLI_UP_STATE_H
#define FANGS_CLI_UP_STATE_H

#include "base/error.h"
#include "up/supervisor.h"
#include "json/json.h"

struct up_state {
	const char *gateway_url, *database_url, *bus;
	const struct supervisor *supervisor;
};

/* The data folder when none is given: $FANGS_DATA_DIR, /var/lib/fangs for root, otherwise
 * ${XDG_STATE_HOME:-~/.local/state}/fangs. The caller frees it. */
char *up_default_data_dir(void);

int up_state_write(const char *data_dir, const struct up_state *state, struct error *err);
void up_state_remove(const char *data_dir);

/* The document, or NULL when nothing runs there (no file, or its process is gone). The caller frees
 * it. */
struct json *up_state_read(const char *data_dir);

#endif
