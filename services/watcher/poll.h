// SPDX-License-Identifier: Apache-2.0
/*
 * One package polled: ask the registry, then record the outcome. A new release is recorded and put
 * on its way to the `releases` topic in a single transaction, so that it can be neither lost nor
 * doubled, whatever dies in between.
 *
 * What a poll may change: on success `packages.last_checked_at`, and `last_seen_version` together
 * with the release; on any error nothing but the package's row in package_polls.
 */
#ifndef FANGS_WATCHER_POLL_H
#define FANGS_WATCHER_POLL_H

#include <stdint.h>

#include "db/db.h"
#include "queries.h"
#include "registry.h"

struct poll_options {
	int64_t interval_ms;
	int64_t backoff_max_ms;
};

/* The delay until the next poll: the interval within a tenth, or after failures in a row an
 * exponential back-off; never earlier than the registry asked for (bounded). */
int64_t poll_delay_ms(const struct poll_options *options, int64_t failures, int64_t retry_after_ms);

enum { POLL_RELEASE_FOUND = 1 };

/* Records what `registry_fetch()` said about the claimed package. Returns POLL_RELEASE_FOUND, 0, or
 * a negative errno when the database did not take it (nothing is recorded then; the claim runs out
 * and the package is polled again). `poll_err` is the outcome's sentence. */
int poll_record_outcome(struct db *db, const struct poll_options *options,
                        const struct claim *claim, enum registry_outcome outcome,
                        const struct registry_answer *answer, const struct error *poll_err,
                        struct arena *arena, struct error *err);

#endif
