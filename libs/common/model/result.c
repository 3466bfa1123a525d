// SPDX-License-Identifier: Apache-2.0
#include "model/result.h"

#include <errno.h>

#include "base/utf8.h"
#include "model/wire_parts.h"
#include "json/json_fields.h"

static const char *const status_names[] = {
        [RUN_STATUS_OK] = "ok",
        [RUN_STATUS_FAILED] = "failed",
        [RUN_STATUS_TIMEOUT] = "timeout",
};

const char *run_status_name(enum run_status status)
{
	return status_names[status];
}

static bool status_parse(struct view text, enum run_status *ret)
{
	for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
		if (view_is(text, status_names[i])) {
			*ret = (enum run_status)i;
			return true;
		}
	}
	return false;
}

/* Writing. */

static void member_text(struct json_writer *w, const char *key, struct view text)
{
	if (text.size)
		json_member_view(w, key, text);
}

static void write_ours(struct json_writer *w, const struct run_result *result)
{
	json_member(w, "fangs");
	json_object(w);
	json_member_uint(w, "last_seq", result->last_seq);
	json_member_uint(w, "lost_ring", result->lost_ring);
	json_member_uint(w, "lost_parse", result->lost_parse);
	json_member_uint(w, "truncated", result->truncated);
	if (result->survivors)
		json_member_uint(w, "survivors", result->survivors);
	if (result->npm_exit_code != INT32_MIN)
		json_member_int(w, "npm_exit_code", result->npm_exit_code);
	member_text(w, "image", result->image);
	member_text(w, "image_digest", result->image_digest);
	member_text(w, "node_version", result->node_version);
	member_text(w, "npm_version", result->npm_version);
	member_text(w, "sensor_tier", result->sensor_tier);
	json_end_object(w);
}

void run_result_write_json(struct buf *out, const struct run_id *run_id,
                           const struct run_result *result)
{
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	wire_member_run_id(&w, "run_id", run_id);
	json_member_string(&w, "status", run_status_name(result->status));
	member_text(&w, "reason", result->reason);
	json_member_int(&w, "events_emitted", result->events_emitted);
	json_member_uint(&w, "events_dropped", result->events_dropped);
	json_member_int(&w, "duration", result->duration_ns);
	if (result->native)
		write_ours(&w, result);
	json_end_object(&w);
}

/* Reading. */

struct parsed {
	struct run_result result;
	struct view status;
	struct run_id run_id; /* checked for its type only: the URL's counts */
};

static int read_ours(struct json_pull *pull, void *target, struct arena *arena, struct error *err)
{
	static const struct json_field rows[] = {
	        JSON_FIELD("last_seq", U64, struct parsed, result.last_seq),
	        JSON_FIELD("lost_ring", U64, struct parsed, result.lost_ring),
	        JSON_FIELD("lost_parse", U64, struct parsed, result.lost_parse),
	        JSON_FIELD("truncated", U64, struct parsed, result.truncated),
	        JSON_FIELD("survivors", U32, struct parsed, result.survivors),
	        JSON_FIELD("npm_exit_code", I32, struct parsed, result.npm_exit_code),
	        JSON_FIELD("image", TEXT, struct parsed, result.image),
	        JSON_FIELD("image_digest", TEXT, struct parsed, result.image_digest),
	        JSON_FIELD("node_version", TEXT, struct parsed, result.node_version),
	        JSON_FIELD("npm_version", TEXT, struct parsed, result.npm_version),
	        JSON_FIELD("sensor_tier", TEXT, struct parsed, result.sensor_tier),
	};
	static const struct json_fields fields = JSON_FIELDS(rows);
	((struct parsed *)target)->result.native = true;
	return json_read_fields(pull, &fields, target, arena, err);
}

static const struct json_field result_rows[] = {
        JSON_FIELD("run_id", BYTES, struct parsed, run_id),
        JSON_FIELD("status", TEXT, struct parsed, status),
        JSON_FIELD("reason", TEXT, struct parsed, result.reason),
        JSON_FIELD("events_emitted", I64, struct parsed, result.events_emitted),
        JSON_FIELD("events_dropped", U64, struct parsed, result.events_dropped),
        JSON_FIELD("duration", I64, struct parsed, result.duration_ns),
        JSON_FIELD_BY("fangs", read_ours),
};
static const struct json_fields result_fields = JSON_FIELDS(result_rows);

/* The struct outlives the document, and its text is stored. */
static void own_text(struct arena *arena, struct view *text)
{
	*text = arena_copy(arena, utf8_storable(arena, *text));
}

int run_result_read_json(struct view json, struct arena *arena, struct run_result *ret,
                         struct error *err)
{
	struct parsed parsed = {.result = {.npm_exit_code = INT32_MIN}};
	int rc = json_read_document(json, &result_fields, &parsed, arena, err);
	if (rc < 0)
		return error_wrap(err, "decode ScanResult");
	struct run_result *result = &parsed.result;
	if (!status_parse(parsed.status, &result->status))
		return error_set(err, EINVAL, "status must be ok|failed|timeout");
	own_text(arena, &result->reason);
	own_text(arena, &result->image);
	own_text(arena, &result->image_digest);
	own_text(arena, &result->node_version);
	own_text(arena, &result->npm_version);
	own_text(arena, &result->sensor_tier);
	*ret = *result;
	return 0;
}
