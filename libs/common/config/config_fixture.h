// SPDX-License-Identifier: Apache-2.0
/* A program with one option of each type, for the tests of this folder. */
#ifndef FANGS_CONFIG_CONFIG_FIXTURE_H
#define FANGS_CONFIG_CONFIG_FIXTURE_H

#include "config/config.h"

struct fixture_target {
	char *url, *driver, *token;
	int64_t pool_size, interval_ms, limit_bytes;
	bool verbose;
	struct config_list brokers;
	const struct config_node *notifiers;
};

enum { FIXTURE_ARGS_MAX = 8 };

/* Loads the options of "fangs-watcher", section "watcher", with the arguments up to the first NULL;
 * `yaml` (or NULL) goes to a file whose path is fixture_path(). */
struct config *fixture_load(struct fixture_target *target, const char *yaml,
                            const char *const *args, enum config_action *ret_action,
                            struct error *err);
const char *fixture_path(void);

#endif
