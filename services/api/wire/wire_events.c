// SPDX-License-Identifier: Apache-2.0
/* What a runner's sensor saw, and how its run ended: on to the bus. */
#include <errno.h>
#include <stdlib.h>

#include "api.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "wire/event_batches.h"
#include "wire/publish.h"
#include "wire/wire.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 1024 };
enum { CHARGE_STEP_BYTES = 16 << 10 };

/* A post of events: its body, while it arrives and until it is answered. */
struct events_post {
	struct http_request *request;
	struct event_batches batches;
	size_t charged;
	bool refused; /* no memory for it: the server answers */
	bool malformed;
	struct error err;
};

struct result_post {
	struct api *api;
	struct gate_pass pass;
	struct run_result result;
};

/* False when it was answered. */
static bool enter(struct api *api, struct http_request *request, struct gate_pass *ret)
{
	struct error err = {0};
	int rc = gate_enter(&api->gate, api->db, http_request_param(request, "run_id"),
	                    access_bound_runner(request), ret, &err);

	if (rc == -ENOENT)
		http_reply_error(request, 404, "run not found");
	else if (rc == -EACCES)
		http_reply_error(request, 403, "%s", err.text);
	else if (rc == -ESTALE)
		http_reply_error(request, 409, "%s", err.text);
	else if (rc < 0)
		failure_reply(&api->failures, request, &err);
	return rc == 0;
}

static struct events_header header_of(const struct gate_pass *pass, enum events_kind kind)
{
	struct events_header header = {
	        .kind = kind,
	        .attempt = pass->attempt,
	        .runner_id = view_of_string(pass->runner_id),
	        .sent_at_ns = clock_wall_ns(),
	};

	/* A row that somebody else made may have any id; the differ reads the key then. */
	(void)run_id_parse(view_of_string(pass->run_id), &header.run_id);
	return header;
}

/* The body. */

static void *begin_events(struct http_request *request)
{
	struct events_post *post = xcalloc(1, sizeof(*post));

	post->request = request;
	event_batches_init(&post->batches);
	return post;
}

static bool charge(struct events_post *post)
{
	size_t used = event_batches_memory(&post->batches);

	if (used <= post->charged)
		return true;
	size_t more = used - post->charged + CHARGE_STEP_BYTES;
	post->charged += more;
	return http_request_charge(post->request, more);
}

static void take_events(void *sink, struct view bytes)
{
	struct events_post *post = sink;

	if (post->refused || post->malformed)
		return;
	post->malformed = event_batches_take(&post->batches, bytes, &post->err) < 0;
	post->refused = !charge(post);
}

static void release_events(void *sink)
{
	struct events_post *post = sink;

	event_batches_release(&post->batches);
	free(post);
}

const struct http_body_sink wire_events_sink = {begin_events, take_events, release_events};

/* The answer. */

static void count_events(const struct api *api, const struct event_batches *batches)
{
	for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
		if (batches->by_type[type])
			metric_add(metric_series(api->metrics.events,
			                         event_type_name((enum event_type)type)),
			           (double)batches->by_type[type]);
	}
}

static void reply_events(void *ctx, struct http_request *request)
{
	const struct events_post *post = publication_owner(ctx);

	if (post->malformed) {
		http_reply_error(request, 400, "decode batch: %s", post->err.text);
		return;
	}
	AUTO(buf) struct buf body;
	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_uint(&w, "persisted", post->batches.events);
	json_member_uint(&w, "received_batches", post->batches.batches);
	json_member_uint(&w, "received_events", post->batches.events);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

void wire_handle_events(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct events_post *post = http_request_sink(request);
	struct gate_pass pass;

	if (!enter(api, request, &pass))
		return;
	/* As existing servers do, the batches before a bad one are taken. */
	if (!post->malformed)
		post->malformed = event_batches_end(&post->batches, &post->err) < 0;
	struct events_header header = header_of(&pass, EVENTS_BATCH);
	struct publication *publication = publication_create(api, request);
	for (size_t i = 0; i < post->batches.count; i++)
		event_batches_write(&post->batches, i, &header,
		                    publication_add(publication, pass.run_id));
	count_events(api, &post->batches);
	publication_send(publication, PUBLICATION_THEN_AT_ONCE, reply_events, post);
}

static void finish_result(void *ctx, struct http_request *request)
{
	const struct result_post *post = publication_owner(ctx);
	struct api *api = post->api;
	const char *ids[] = {post->pass.wire_id};
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);

	gate_forget(&api->gate, post->pass.wire_id);
	/* The result is durable: should the database have gone away just now, a repeated post is
	 * told apart by the differ, and the runner's slot becomes free with the run's judgement. */
	if (!conn || query_finish_runs(conn, &(struct id_list){ids, 1}, NULL, &err) < 0)
		failure_log(&api->failures, http_request_path(request), &err);
	metric_add(api->metrics.events_dropped, (double)post->result.events_dropped);
	http_reply_json(request, 200, VIEW_LITERAL("{\"recorded\":true}"));
}

void wire_handle_result(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct arena *arena = http_request_arena(request);
	struct result_post *post = arena_alloc(arena, 1, sizeof(*post));
	struct error err = {0};

	post->api = api;
	if (run_result_read_json(http_request_body(request), arena, &post->result, &err) < 0) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	if (!enter(api, request, &post->pass))
		return;
	struct events_header header = header_of(&post->pass, EVENTS_RESULT);
	header.seq = post->result.last_seq;
	struct publication *publication = publication_create(api, request);
	events_write_result(publication_add(publication, post->pass.run_id), &header,
	                    &post->result);
	publication_send(publication, PUBLICATION_THEN_IN_WORKER, finish_result, post);
}
