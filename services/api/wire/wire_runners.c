// SPDX-License-Identifier: Apache-2.0
/* Runners introduce themselves and say that they are alive. */
#include <errno.h>
#include <string.h>

#include "api.h"
#include "base/clock.h"
#include "log/log.h"
#include "wire/wire.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 256 << 10 };
#define POLL_INTERVAL_NS (5 * NS_PER_S)
#define HEARTBEAT_INTERVAL_NS (30 * NS_PER_S)

static void reply_registered(const struct api *api, struct http_request *request,
                             const struct registration *r, int32_t partition)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_bool(&w, "ok", true);
	json_member_string(&w, "orchestrator_id", api->config->id);
	json_member_int(&w, "job_poll_interval", POLL_INTERVAL_NS);
	json_member_int(&w, "heartbeat_interval", HEARTBEAT_INTERVAL_NS);
	if (r->native) {
		json_member(&w, "fangs");
		json_object(&w);
		if (partition >= 0)
			json_member_int(&w, "jobs_partition", partition);
		json_end_object(&w);
	}
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

/* How many partitions of `jobs` can be given to runners; 0 when this one needs none. */
static int32_t jobs_partitions(const struct api *api, const struct registration *r,
                               struct error *err)
{
	if (strcmp(r->transport, "kafka") != 0)
		return 0;
	if (strcmp(api->bus_driver, "kafka") != 0)
		return error_set(err, EINVAL,
		                 "this installation has no Kafka for runners: set transport http");
	return bus_partition_count(api->bus, BUS_JOBS, err);
}

void wire_handle_register(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct registration r;
	struct error err = {0};
	int32_t partition = -1;

	int rc = wire_read_register(http_request_body(request), http_request_arena(request), &r,
	                            &err);
	if (rc == 0 && !access_check_runner(request, r.runner_id))
		return;
	int32_t partitions = rc < 0 ? rc : jobs_partitions(api, &r, &err);
	if (partitions < 0 || query_register(api->db, &r, partitions, &partition, &err) < 0) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	LOG_INFO("runner registered", LOG_STR("runner_id", r.runner_id),
	         LOG_STR("transport", r.transport), LOG_INT("slots", r.slots),
	         LOG_STR("peer", http_request_peer(request)));
	reply_registered(api, request, &r, partition);
}

static void reply_heartbeat(struct http_request *request, const struct wire_heartbeat *heartbeat,
                            const struct id_list *cancel)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_bool(&w, "ok", true);
	if (heartbeat->native) {
		json_member(&w, "fangs");
		json_object(&w);
		json_member(&w, "cancel_run_ids");
		json_array(&w);
		for (size_t i = 0; i < cancel->count; i++)
			json_put_string(&w, cancel->items[i]);
		json_end_array(&w);
		json_end_object(&w);
	}
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

/* 1: done; 0: the runner has to register first. */
static int apply_heartbeat(struct api *api, const char *runner_id,
                           const struct wire_heartbeat *heartbeat, struct arena *arena,
                           struct id_list *ret_cancel, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);

	if (!conn)
		return -err->code;
	/* The status first: what is handed back must not be placed on a runner that drains. */
	int rc = query_heartbeat(conn, runner_id, heartbeat->active_run_id, heartbeat->status,
	                         heartbeat->boot_id, err);
	if (rc <= 0)
		return rc;
	if (heartbeat->finished.count &&
	    query_finish_runs(conn, &heartbeat->finished, runner_id, err) < 0)
		return -err->code;
	if (heartbeat->handed_back.count &&
	    query_hand_back_runs(conn, runner_id, heartbeat->boot_id, &heartbeat->handed_back,
	                         err) < 0)
		return -err->code;
	if (heartbeat->active.count &&
	    query_confirm_runs(conn, runner_id, &heartbeat->active, api->config->lease_ms, arena,
	                       ret_cancel, err) < 0)
		return -err->code;
	return 1;
}

void wire_handle_heartbeat(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct view body = http_request_body(request);
	struct arena *arena = http_request_arena(request);
	const char *runner_id = http_request_param(request, "id");
	struct wire_heartbeat heartbeat;
	struct id_list cancel = {0};
	struct error err = {0};

	/* Existing servers do not look at a body of unknown length. */
	if (http_request_is_chunked(request))
		body = view_of(NULL, 0);
	if (!access_check_runner(request, runner_id))
		return;
	int rc = wire_read_heartbeat(body, arena, &heartbeat, &err);
	if (rc == 0)
		rc = apply_heartbeat(api, runner_id, &heartbeat, arena, &cancel, &err);
	if (rc < 0)
		failure_reply(&api->failures, request, &err);
	else if (rc == 0)
		http_reply_json(request, 200,
		                VIEW_LITERAL("{\"ok\":false,\"unknown_runner\":true}"));
	else
		reply_heartbeat(request, &heartbeat, &cancel);
}
