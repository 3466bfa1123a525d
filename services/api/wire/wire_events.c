// SPDX-License-Identifier: Apache-2.0
/* What a runner's sensor saw, and how its run ended: on to the bus. */
#include <errno.h>

#include "api.h"
#include "base/clock.h"
#include "wire/event_batches.h"
#include "wire/publish.h"
#include "wire/wire.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 1024 };

/* What the second half of a handler needs; in the request's arena. */
struct events_post {
	struct gate_pass pass;
	struct publication *publication;
	struct event_batches batches;
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
	int rc = gate_enter(&api->gate, api->db, http_request_param(request, "run_id"), ret, &err);

	if (rc == -ENOENT)
		http_reply_error(request, 404, "run not found");
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

static struct buf *add_message(void *ctx)
{
	struct events_post *post = ctx;

	return publication_add(post->publication, post->pass.run_id);
}

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
	struct arena *arena = http_request_arena(request);
	struct events_post *post = arena_alloc(arena, 1, sizeof(*post));

	if (!enter(api, request, &post->pass))
		return;
	struct events_header header = header_of(&post->pass, EVENTS_BATCH);
	post->publication = publication_create(api, request);
	post->batches.add_message = add_message;
	post->batches.ctx = post;
	/* As existing servers do, the batches before a bad one are taken. */
	post->malformed = event_batches_convert(&post->batches, http_request_body(request), &header,
	                                        arena, &post->err) < 0;
	count_events(api, &post->batches);
	publication_send(post->publication, reply_events, post);
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
	if (!conn || query_finish_runs(conn, &(struct id_list){ids, 1}, &err) < 0)
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
	publication_send(publication, finish_result, post);
}
