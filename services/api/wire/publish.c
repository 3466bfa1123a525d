// SPDX-License-Identifier: Apache-2.0
#include "wire/publish.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/run_id.h"

/* Existing runners give a post ten seconds. */
enum { DELIVERY_TIMEOUT_MS = 9000 };

struct outgoing {
	char run_id[RUN_ID_TEXT_SIZE];
	struct buf value;
};

struct publication {
	struct api *api;
	/* Whoever takes it out ends the request. */
	struct http_request *_Atomic request;
	http_handler_fn then;
	enum publication_then where;
	void *owner;
	struct outgoing *records;
	size_t count;
	int64_t began_ms;
	atomic_size_t waiting; /* records on their way, and the handler while it sends */
	atomic_uint references;
	atomic_bool failed;
	struct error err; /* of whoever set `failed`; read when nothing is on its way any more */
};

struct publication *publication_create(struct api *api, struct http_request *request)
{
	struct publication *publication = xcalloc(1, sizeof(*publication));

	publication->api = api;
	atomic_init(&publication->request, request);
	atomic_init(&publication->references, 1);
	return publication;
}

struct buf *publication_add(struct publication *publication, const char *run_id)
{
	struct outgoing *record;

	publication->records = xrealloc(publication->records, publication->count + 1,
	                                sizeof(*publication->records));
	record = &publication->records[publication->count++];
	(void)snprintf(record->run_id, sizeof(record->run_id), "%s", run_id);
	buf_init(&record->value, BUS_RECORD_MAX_BYTES);
	return &record->value;
}

static void unref(struct publication *publication)
{
	if (atomic_fetch_sub(&publication->references, 1) > 1)
		return;
	for (size_t i = 0; i < publication->count; i++)
		buf_release(&publication->records[i].value);
	free(publication->records);
	free(publication);
}

void *publication_owner(const struct publication *publication)
{
	return publication->owner;
}

static struct http_request *take_request(struct publication *publication)
{
	return atomic_exchange(&publication->request, NULL);
}

static void reply_failed(struct publication *publication, struct http_request *request,
                         const struct error *err)
{
	struct error answer = *err;

	/* Another replica, or this one after a restart, may be able to. */
	if (answer.class == ERROR_FATAL)
		answer.class = ERROR_RETRY;
	failure_reply(&publication->api->failures, request, &answer);
}

static void run_then(void *ctx, struct http_request *request)
{
	struct publication *publication = ctx;

	publication->then(publication, request);
	unref(publication);
}

/* All records have arrived or failed. */
static void finish(struct publication *publication)
{
	struct http_request *request = take_request(publication);
	struct api *api = publication->api;

	if (!request)
		return;
	if (atomic_load(&publication->failed)) {
		reply_failed(publication, request, &publication->err);
		return;
	}
	metric_observe_seconds(api->metrics.publish_seconds,
	                       (double)(clock_monotonic_ms() - publication->began_ms) / MS_PER_S);
	if (publication->where == PUBLICATION_THEN_AT_ONCE) {
		publication->then(publication, request);
		return;
	}
	atomic_fetch_add(&publication->references, 1);
	http_request_dispatch(request, run_then, publication);
}

static void one_less(struct publication *publication)
{
	if (atomic_fetch_sub(&publication->waiting, 1) == 1)
		finish(publication);
	unref(publication);
}

static void note_failure(struct publication *publication, const struct error *err)
{
	if (!atomic_exchange(&publication->failed, true))
		publication->err = *err;
}

static void on_delivered(void *ctx, const struct error *err)
{
	if (err)
		note_failure(ctx, err);
	one_less(ctx);
}

static void on_timeout(void *ctx, struct http_request *request)
{
	struct publication *publication = ctx;
	struct error err = {0};

	(void)request;
	request = take_request(publication);
	if (!request)
		return;
	error_set(&err, ETIMEDOUT, "the bus did not take the events within %d ms",
	          DELIVERY_TIMEOUT_MS);
	reply_failed(publication, request, &err);
}

static void on_gone(void *ctx, struct http_request *request)
{
	request = take_request(ctx);
	if (request)
		http_request_drop(request);
}

static void produce(struct publication *publication, const struct outgoing *record)
{
	struct error err = {0};
	const struct bus_record message = {
	        .topic = BUS_EVENTS,
	        .partition = BUS_PARTITION_BY_KEY,
	        .key = view_of_string(record->run_id),
	        .value = buf_view(&record->value),
	};

	atomic_fetch_add(&publication->references, 1);
	if (record->value.overflowed)
		error_set(&err, E2BIG, "an event is too large for the bus");
	if (err.code == 0 &&
	    bus_produce(publication->api->bus, &message, on_delivered, publication, &err) == 0)
		return;
	/* Never the last of either: the handler that sends has one as well. */
	note_failure(publication, &err);
	atomic_fetch_sub(&publication->waiting, 1);
	atomic_fetch_sub(&publication->references, 1);
}

void publication_send(struct publication *publication, enum publication_then where,
                      http_handler_fn then, void *owner)
{
	struct http_request *request = atomic_load(&publication->request);
	const struct http_park park = {DELIVERY_TIMEOUT_MS, on_timeout, on_gone, publication};

	publication->then = then;
	publication->where = where;
	publication->owner = owner;
	publication->began_ms = clock_monotonic_ms();
	atomic_store(&publication->waiting, publication->count + 1);
	/* From here on the request may be ended by anybody. */
	http_request_park(request, &park);
	for (size_t i = 0; i < publication->count; i++)
		produce(publication, &publication->records[i]);
	one_less(publication);
}
