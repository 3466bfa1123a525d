// SPDX-License-Identifier: Apache-2.0
/*
 * The watcher: a few worker threads that each take the package due next and poll it.
 *
 * Who polls what is decided in the database, so any number of watchers may run: a claim moves a
 * package's next_poll_at ahead of now and only one of them can. When nothing is due the workers
 * sleep until watcher_wake(). A registry that asks to slow down is left alone by all workers.
 */
#ifndef FANGS_WATCHER_WATCHER_H
#define FANGS_WATCHER_WATCHER_H

#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "db/db.h"
#include "service/service.h"

struct watcher_config {
	char *registry;
	char *token;
	int64_t interval_ms;
	int64_t parallel;
	int64_t timeout_ms;
	int64_t backoff_max_ms;
	int64_t body_max_bytes;
};
extern const struct config_option watcher_options[]; /* fills struct watcher_config */
extern const size_t watcher_option_count;

struct watcher;

/* Starts the workers. All pointers are borrowed. NULL when the registry's URL is unusable. */
struct watcher *watcher_start(const struct watcher_config *config, struct service *service,
                              struct db *db, struct error *err);

/* Looks for newly watched packages and has the workers take what is due. Main thread; about every
 * second and whenever a package was added. RETRY while the database is away. */
int watcher_wake(struct watcher *watcher, struct error *err);

/* Waits for the polls in flight; the service must be stopping. */
void watcher_stop(struct watcher *watcher);

#endif
