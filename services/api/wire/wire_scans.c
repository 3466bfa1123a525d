// SPDX-License-Identifier: Apache-2.0
/* Somebody asks for a scan: it becomes a queued run, which the dispatcher places. */
#include <errno.h>
#include <string.h>

#include "api.h"
#include "base/clock.h"
#include "log/log.h"
#include "model/job.h"
#include "wire/wire.h"
#include "json/json_writer.h"

enum { JOB_MAX_BYTES = 1 << 20, ANSWER_MAX_BYTES = 1024, QUOTED_MAX_BYTES = 4096 };

/* Ours: the dispatcher chooses. */
#define ANY_RUNNER "*"

/* 1, 0 or negative as query_queue_scan(). An ad-hoc job belongs to no package. */
static int queue(struct api *api, const struct job *job, const char *run_id, const char *target,
                 struct error *err)
{
	AUTO(buf) struct buf json;

	buf_init(&json, JOB_MAX_BYTES);
	job_write_json(&json, job, false);
	if (json.overflowed)
		return error_set(err, E2BIG, "the job is larger than %d bytes", JOB_MAX_BYTES);
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);
	if (!conn)
		return -err->code;
	const struct scan scan = {
	        .run_id = run_id,
	        .package = job->package_name,
	        .version = job->version,
	        .target_runner = strcmp(target, ANY_RUNNER) == 0 ? "" : target,
	        .image = job->has_sandbox ? job->sandbox.image : "",
	        .job_json = json.data,
	};
	return query_queue_scan(conn, &scan, err);
}

static void reply_queued(struct http_request *request, const char *run_id)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_bool(&w, "queued", true);
	json_member_string(&w, "run_id", run_id);
	json_end_object(&w);
	http_reply_json(request, 202, buf_view(&body));
}

static void reply_not_registered(struct http_request *request, const char *target)
{
	AUTO(buf) struct buf quoted;

	buf_init(&quoted, QUOTED_MAX_BYTES);
	wire_quote(&quoted, target);
	http_reply_error(request, 404, "target_runner %s not registered", quoted.data);
}

void wire_handle_scans(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct arena *arena = http_request_arena(request);
	struct watched_paths watched;
	const char *target = "";
	char run_id[RUN_ID_TEXT_SIZE];
	struct error err = {0};
	struct job job;

	if (watched_paths_read(api->config->watched_paths, arena, &watched, &err) < 0 ||
	    wire_read_scan(http_request_body(request), arena, &watched, clock_wall_ns(), &target,
	                   &job, &err) < 0) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	if (scan_policy_check(&api->config->policy, &job, &err) < 0) {
		http_reply_error(request, 403, "%s", err.text);
		return;
	}
	run_id_format(&job.run_id, run_id);
	int rc = queue(api, &job, run_id, target, &err);
	if (rc == 0) {
		reply_not_registered(request, target);
	} else if (rc == -EEXIST) {
		http_reply_error(request, 409, "run %s exists already", run_id);
	} else if (rc < 0) {
		failure_reply(&api->failures, request, &err);
	} else {
		metric_add(api->metrics.scans_queued, 1);
		LOG_INFO("scan queued", LOG_STR("run_id", run_id),
		         LOG_STR("package", job.package_name), LOG_STR("version", job.version),
		         LOG_STR("target_runner", target),
		         LOG_STR("by", access_identity(request)->name));
		reply_queued(request, run_id);
	}
}
