// SPDX-License-Identifier: Apache-2.0
/*
 * What `fangs up` tells other commands on its host about itself: one file per gateway address in
 * the runtime folder (/run/fangs for root, otherwise $XDG_RUNTIME_DIR/fangs or ~/.cache/fangs/run),
 * readable by its owner only because the database URL holds a password.
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

int up_state_write(const struct up_state *state, struct error *err);
void up_state_remove(const char *gateway_url);

/* The document of the `fangs up` whose gateway that is, or NULL when none runs on this host (no
 * file, or its process is gone). The caller frees it. */
struct json *up_state_read(const char *gateway_url);

#endif
