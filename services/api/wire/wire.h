// SPDX-License-Identifier: Apache-2.0
/*
 * The runner protocol, as existing runners, command lines and servers speak it: the answers'
 * bytes are fixed. Keys below "fangs" are ours, read and written only between our own programs.
 */
#ifndef FANGS_API_WIRE_H
#define FANGS_API_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "http/http_server.h"
#include "model/watched_paths.h"
#include "queries.h"

enum {
	WIRE_REGISTER_MAX_BYTES = 64 << 10,
	WIRE_HEARTBEAT_MAX_BYTES = 64 << 10, /* with our list of active runs */
	WIRE_SCAN_MAX_BYTES = 1 << 20,
	WIRE_EVENTS_MAX_BYTES = 32 << 20,
	WIRE_RESULT_MAX_BYTES = 16384,
	WIRE_RUN_IDS_MAX = 1024, /* in one heartbeat */
	WIRE_RUNNER_ID_MAX = 256,
	WIRE_PROTO_VERSION = 1,
};

void wire_handle_health(void *ctx, struct http_request *request);
void wire_handle_register(void *ctx, struct http_request *request);
void wire_handle_heartbeat(void *ctx, struct http_request *request);
void wire_handle_jobs(void *ctx, struct http_request *request);
void wire_look_for_job(void *ctx, struct http_request *request); /* ctx: the struct poll */
void wire_handle_scans(void *ctx, struct http_request *request);
extern const struct http_body_sink wire_events_sink;
void wire_handle_events(void *ctx, struct http_request *request);
void wire_handle_result(void *ctx, struct http_request *request);

/* Bodies; text lives in the arena or the body and is never NULL. DROP with what is wrong. */
int wire_read_register(struct view body, struct arena *arena, struct registration *ret,
                       struct error *err);

struct wire_heartbeat {
	const char *active_run_id, *status, *boot_id;
	/* Ours; `active` has active_run_id too. */
	struct id_list active, finished, handed_back;
	bool native;
};
int wire_read_heartbeat(struct view body, struct arena *arena, struct wire_heartbeat *ret,
                        struct error *err);

/* As existing servers quote ids in their messages: a literal of theirs. */
void wire_quote(struct buf *out, const char *text);

struct job;
/* The job with everything filled in that the request left open, `now_ns` as its time. */
int wire_read_scan(struct view body, struct arena *arena, const struct watched_paths *watched,
                   int64_t now_ns, const char **ret_target, struct job *ret, struct error *err);

#endif
