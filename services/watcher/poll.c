// SPDX-License-Identifier: Apache-2.0
#include "poll.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "bus/outbox.h"
#include "model/messages.h"

enum {
	RETRY_AFTER_MAX_MS = 60 * 60 * MS_PER_S, /* no registry silences a package for longer */
	FAILURES_MAX = 30,                       /* enough to reach any back-off limit */
	RELEASE_MESSAGE_MAX = 64 * 1024,
};

int64_t poll_delay_ms(const struct poll_options *options, int64_t failures, int64_t retry_after_ms)
{
	int64_t spread = options->interval_ms / 5;
	int64_t delay = options->interval_ms - spread / 2;

	if (spread > 0)
		delay += (int64_t)random_below((uint64_t)spread);
	if (failures > 0)
		delay = backoff_ms((unsigned)failures, options->interval_ms,
		                   options->backoff_max_ms);
	if (retry_after_ms > RETRY_AFTER_MAX_MS)
		retry_after_ms = RETRY_AFTER_MAX_MS;
	return delay > retry_after_ms ? delay : retry_after_ms;
}

struct recording {
	const struct poll_options *options;
	const struct claim *claim;
	const struct registry_answer *answer;
	enum registry_outcome outcome;
	const struct error *poll_err;
	struct arena *arena;
	bool found;
};

static int announce(struct db_conn *conn, const struct recording *r, const char *previous,
                    struct error *err)
{
	const struct packument *packument = &r->answer->packument;
	struct release_message message = {
	        .package = r->claim->package,
	        .version = packument->latest,
	        .tarball_url = packument->tarball_url,
	        .shasum = packument->shasum,
	        .integrity = packument->integrity,
	        .previous_version = previous ? previous : "",
	        .published_at_ns = packument->published_at_ns,
	        .discovered_at_ns = clock_wall_ns(),
	};
	AUTO(buf) struct buf value;
	buf_init(&value, RELEASE_MESSAGE_MAX);
	release_message_write(&value, &message);

	struct bus_record record = {
	        .topic = BUS_RELEASES,
	        .partition = BUS_PARTITION_BY_KEY,
	        .key = view_of_string(r->claim->package),
	        .value = buf_view(&value),
	};
	return outbox_add(conn, &record, err);
}

/* The registry answered for a package which is still watched: note its latest version. */
static int record_packument(struct db_conn *conn, struct recording *r, const char *last_seen,
                            struct error *err)
{
	const char *package = r->claim->package;
	const struct packument *packument = &r->answer->packument;

	if (packument->state != PACKUMENT_LIVE ||
	    (last_seen && strcmp(last_seen, packument->latest) == 0))
		return query_set_checked(conn, package, err);

	int rc = query_set_seen(conn, package, packument->latest, err);
	if (rc == 0)
		rc = query_insert_release(conn, package, packument, err);
	if (rc == 0)
		rc = announce(conn, r, last_seen, err);
	r->found = rc == 0;
	return rc;
}

static int record_success(void *ctx, struct db_conn *conn, struct error *err)
{
	struct recording *r = ctx;
	bool changed = r->outcome == REGISTRY_CHANGED;
	const char *last_seen = NULL;

	r->found = false;
	int rc = query_lock_package(conn, r->claim->package, r->arena, &last_seen, err);
	if (rc <= 0)
		return rc; /* no longer watched: nothing to record */
	rc = changed ? record_packument(conn, r, last_seen, err)
	             : query_set_checked(conn, r->claim->package, err);
	if (rc < 0)
		return rc;
	struct poll_record record = {
	        .package = r->claim->package,
	        .etag = changed ? r->answer->etag : NULL,
	        .registry_state = changed ? packument_state_name(r->answer->packument.state)
	                                  : r->claim->registry_state,
	        .last_error = "",
	        .next_poll_ms = poll_delay_ms(r->options, 0, 0),
	};
	return query_record_poll(conn, &record, err);
}

static int record_failure(void *ctx, struct db_conn *conn, struct error *err)
{
	const struct recording *r = ctx;
	int64_t failures =
	        r->claim->failures < FAILURES_MAX ? r->claim->failures + 1 : FAILURES_MAX;
	struct poll_record record = {
	        .package = r->claim->package,
	        .registry_state =
	                r->outcome == REGISTRY_NOT_FOUND ? "not_found" : r->claim->registry_state,
	        .last_error = r->poll_err->text,
	        .failures = failures,
	        .next_poll_ms = poll_delay_ms(r->options, failures, r->answer->retry_after_ms),
	};
	return query_record_poll(conn, &record, err);
}

int poll_record_outcome(struct db *db, const struct poll_options *options,
                        const struct claim *claim, enum registry_outcome outcome,
                        const struct registry_answer *answer, const struct error *poll_err,
                        struct arena *arena, struct error *err)
{
	struct recording recording = {
	        .options = options,
	        .claim = claim,
	        .answer = answer,
	        .outcome = outcome,
	        .poll_err = poll_err,
	        .arena = arena,
	};
	bool success = outcome == REGISTRY_CHANGED || outcome == REGISTRY_UNCHANGED;
	int rc = db_transaction(db, success ? record_success : record_failure, &recording, err);
	if (rc < 0)
		return rc;
	return recording.found ? POLL_RELEASE_FOUND : 0;
}
