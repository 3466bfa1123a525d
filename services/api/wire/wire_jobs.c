// SPDX-License-Identifier: Apache-2.0
/* Runners without Kafka fetch their jobs by long polls. */
#include <errno.h>
#include <string.h>

#include "api.h"
#include "base/clock.h"
#include "log/log.h"
#include "model/job.h"
#include "wire/wire.h"

enum { JOB_MAX_BYTES = 1 << 20 };

static int offer(struct api *api, const struct poll *poll, struct offered_job *ret,
                 struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);

	if (!conn)
		return -err->code;
	return query_offer_job(conn, poll->runner_id, api->config->offer_timeout_ms,
	                       http_request_arena(poll->request), ret, err);
}

/* The job as it was queued, under the id of this attempt. */
static void reply_job(struct http_request *request, const struct offered_job *offered)
{
	struct error err = {0};
	struct job job;
	AUTO(buf) struct buf body;

	buf_init(&body, JOB_MAX_BYTES);
	if (job_read_json(view_of_string(offered->job_json), http_request_arena(request), &job,
	                  &err) < 0 ||
	    !run_id_parse(view_of_string(offered->wire_id), &job.run_id)) {
		LOG_ERROR("a stored job cannot be read", LOG_STR("wire_id", offered->wire_id),
		          LOG_ERR(&err));
		http_reply_error(request, 500, "a stored job cannot be read");
		return;
	}
	job_write_json(&body, &job, false);
	LOG_DEBUG("job handed out", LOG_STR("wire_id", offered->wire_id),
	          LOG_STR("runner_id", http_request_param(request, "id")));
	http_reply_json(request, 200, buf_view(&body));
}

void wire_look_for_job(void *ctx, struct http_request *request)
{
	struct poll *poll = ctx;
	struct api *api = poll->owner;
	struct offered_job job = {0};
	struct error err = {0};
	int rc;

	do {
		rc = offer(api, poll, &job, &err);
		if (rc == 0 && polls_park(&api->polls, poll))
			return;
	} while (rc == 0);
	polls_leave(&api->polls, poll);
	if (rc == -ENOENT)
		http_reply_error(request, 404, "%s", err.text);
	else if (rc < 0)
		failure_reply(&api->failures, request, &err);
	else
		reply_job(request, &job);
}

void wire_handle_jobs(void *ctx, struct http_request *request)
{
	struct api *api = ctx;

	const char *runner_id = http_request_param(request, "id");

	if (!access_check_runner(request, runner_id))
		return;
	struct poll *poll = arena_alloc(http_request_arena(request), 1, sizeof(*poll));
	poll->owner = api;
	poll->request = request;
	poll->runner_id = runner_id;
	poll->deadline_ms = clock_monotonic_ms() + api->config->poll_ms;
	polls_enter(&api->polls, poll);
	wire_look_for_job(poll, request);
}
