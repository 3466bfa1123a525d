// SPDX-License-Identifier: Apache-2.0
#include "failing.h"

#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bus/outbox.h"
#include "model/event_codec.h"
#include "queries.h"

enum { RESULT_MESSAGE_MAX = 16 * 1024 };

static int add_result(struct db_conn *conn, const struct events_header *header,
                      const struct run_result *result, const char *run_id, struct error *err)
{
	AUTO(buf) struct buf value;

	buf_init(&value, RESULT_MESSAGE_MAX);
	events_write_result(&value, header, result);
	struct bus_record record = {
	        .topic = BUS_EVENTS,
	        .partition = BUS_PARTITION_BY_KEY,
	        .key = view_of_string(run_id),
	        .value = buf_view(&value),
	};
	return outbox_add(conn, &record, err);
}

int fail_run(struct db_conn *conn, const char *run_id, int64_t attempt, const char *runner_id,
             const char *reason, struct error *err)
{
	struct events_header header = {
	        .kind = EVENTS_RESULT,
	        .attempt = (uint32_t)attempt,
	        .runner_id = view_of_string(runner_id),
	        .sent_at_ns = clock_wall_ns(),
	};
	struct run_result result = {
	        .status = RUN_STATUS_FAILED,
	        .reason = view_of_string(reason),
	};
	if (!run_id_parse(view_of_string(run_id), &header.run_id))
		return error_set(err, EINVAL, "'%s' is not a run id", run_id);

	int rc = query_finish_run(conn, run_id, err);
	return rc < 0 ? rc : add_result(conn, &header, &result, run_id, err);
}
