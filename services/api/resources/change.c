// SPDX-License-Identifier: Apache-2.0
#include "resources/change.h"

#include "log/log.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 64 << 10 };

int64_t change_exec(struct api *api, const struct db_statement *statement,
                    const struct db_param *params, size_t count, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);

	return conn ? db_exec(conn, statement, params, count, err) : -err->code;
}

void change_reply_removed(struct api *api, struct http_request *request, const char *what,
                          const char *name, int64_t rows, const struct error *err)
{
	if (rows < 0) {
		failure_reply(&api->failures, request, err);
	} else if (rows == 0) {
		http_reply_error(request, 404, "%s not found", what);
	} else {
		LOG_INFO("removed", LOG_STR("what", what), LOG_STR("name", name));
		http_reply_empty(request, 204);
	}
}

void change_reply_name(struct http_request *request, int status, const char *name)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "name", name);
	json_end_object(&w);
	http_reply_json(request, status, buf_view(&body));
}
