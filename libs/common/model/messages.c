// SPDX-License-Identifier: Apache-2.0
#include "model/messages.h"

#include <errno.h>

#include "model/wire_parts.h"
#include "json/json_fields.h"

static const char TYPE_RELEASE[] = "release";
static const char TYPE_DEVIATION[] = "deviation";
static const char TYPE_VERDICT[] = "verdict";

/* Text that may be missing is written as "", so that every message has every key. */
static void member_text(struct json_writer *w, const char *key, const char *text)
{
	json_member_string(w, key, text ? text : "");
}

/* Releases. */

void release_message_write(struct buf *out, const struct release_message *message)
{
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	json_member_string(&w, "type", TYPE_RELEASE);
	member_text(&w, "package", message->package);
	member_text(&w, "version", message->version);
	member_text(&w, "previous_version", message->previous_version);
	member_text(&w, "tarball_url", message->tarball_url);
	member_text(&w, "shasum", message->shasum);
	member_text(&w, "integrity", message->integrity);
	wire_member_time(&w, "published_at", message->published_at_ns);
	wire_member_time(&w, "discovered_at", message->discovered_at_ns);
	json_end_object(&w);
}

static const struct json_field release_rows[] = {
        JSON_FIELD_IGNORED("type"),
        JSON_FIELD("package", STRING, struct release_message, package),
        JSON_FIELD("version", STRING, struct release_message, version),
        JSON_FIELD("previous_version", STRING, struct release_message, previous_version),
        JSON_FIELD("tarball_url", STRING, struct release_message, tarball_url),
        JSON_FIELD("shasum", STRING, struct release_message, shasum),
        JSON_FIELD("integrity", STRING, struct release_message, integrity),
        JSON_FIELD("published_at", TIME, struct release_message, published_at_ns),
        JSON_FIELD("discovered_at", TIME, struct release_message, discovered_at_ns),
};
static const struct json_fields release_fields = JSON_FIELDS(release_rows);

int release_message_read(struct view json, struct arena *arena, struct release_message *ret,
                         struct error *err)
{
	struct release_message message = {
	        .package = "",
	        .version = "",
	        .tarball_url = "",
	        .shasum = "",
	        .integrity = "",
	        .previous_version = "",
	        .published_at_ns = INT64_MIN,
	        .discovered_at_ns = INT64_MIN,
	};
	int rc = json_read_document(json, &release_fields, &message, arena, err);
	if (rc < 0)
		return error_wrap(err, "release");
	if (!*message.package || !*message.version)
		return error_set(err, EBADMSG, "release: package and version must be given");
	*ret = message;
	return 0;
}

/* Deviations and verdicts. */

void deviation_message_write(struct buf *out, const struct deviation_message *message)
{
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	json_member_string(&w, "type", TYPE_DEVIATION);
	member_text(&w, "id", message->id);
	member_text(&w, "run_id", message->run_id);
	member_text(&w, "package", message->package);
	member_text(&w, "version", message->version);
	member_text(&w, "category", message->category);
	member_text(&w, "value", message->value);
	member_text(&w, "severity", message->severity);
	member_text(&w, "actor", message->actor);
	member_text(&w, "reason", message->reason);
	member_text(&w, "process", message->process);
	member_text(&w, "command", message->command);
	json_member_int(&w, "evidence_event_id", message->evidence_event_id);
	wire_member_time(&w, "detected_at", message->detected_at_ns);
	json_end_object(&w);
}

void verdict_message_write(struct buf *out, const struct verdict_message *message)
{
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	json_member_string(&w, "type", TYPE_VERDICT);
	member_text(&w, "run_id", message->run_id);
	member_text(&w, "package", message->package);
	member_text(&w, "version", message->version);
	member_text(&w, "verdict", message->verdict);
	member_text(&w, "max_severity", message->max_severity);
	json_member_int(&w, "deviation_count", message->deviation_count);
	json_member_bool(&w, "complete", message->complete);
	wire_member_time(&w, "judged_at", message->judged_at_ns);
	json_end_object(&w);
}

static const struct json_field deviation_rows[] = {
        JSON_FIELD_IGNORED("type"),
        JSON_FIELD("id", STRING, struct deviation_message, id),
        JSON_FIELD("run_id", STRING, struct deviation_message, run_id),
        JSON_FIELD("package", STRING, struct deviation_message, package),
        JSON_FIELD("version", STRING, struct deviation_message, version),
        JSON_FIELD("category", STRING, struct deviation_message, category),
        JSON_FIELD("value", STRING, struct deviation_message, value),
        JSON_FIELD("severity", STRING, struct deviation_message, severity),
        JSON_FIELD("actor", STRING, struct deviation_message, actor),
        JSON_FIELD("reason", STRING, struct deviation_message, reason),
        JSON_FIELD("process", STRING, struct deviation_message, process),
        JSON_FIELD("command", STRING, struct deviation_message, command),
        JSON_FIELD("evidence_event_id", I64, struct deviation_message, evidence_event_id),
        JSON_FIELD("detected_at", TIME, struct deviation_message, detected_at_ns),
};
static const struct json_fields deviation_fields = JSON_FIELDS(deviation_rows);

static const struct json_field verdict_rows[] = {
        JSON_FIELD_IGNORED("type"),
        JSON_FIELD("run_id", STRING, struct verdict_message, run_id),
        JSON_FIELD("package", STRING, struct verdict_message, package),
        JSON_FIELD("version", STRING, struct verdict_message, version),
        JSON_FIELD("verdict", STRING, struct verdict_message, verdict),
        JSON_FIELD("max_severity", STRING, struct verdict_message, max_severity),
        JSON_FIELD("deviation_count", I64, struct verdict_message, deviation_count),
        JSON_FIELD("complete", BOOL, struct verdict_message, complete),
        JSON_FIELD("judged_at", TIME, struct verdict_message, judged_at_ns),
};
static const struct json_fields verdict_fields = JSON_FIELDS(verdict_rows);

static int read_deviation(struct view json, struct arena *arena, struct deviation_message *ret,
                          struct error *err)
{
	struct deviation_message message = {
	        .id = "",
	        .run_id = "",
	        .package = "",
	        .version = "",
	        .category = "",
	        .value = "",
	        .severity = "",
	        .actor = "",
	        .reason = "",
	        .process = "",
	        .command = "",
	        .detected_at_ns = INT64_MIN,
	};
	int rc = json_read_document(json, &deviation_fields, &message, arena, err);
	if (rc < 0)
		return error_wrap(err, "deviation");
	if (!*message.id || !*message.run_id)
		return error_set(err, EBADMSG, "deviation: id and run_id must be given");
	*ret = message;
	return 0;
}

static int read_verdict(struct view json, struct arena *arena, struct verdict_message *ret,
                        struct error *err)
{
	struct verdict_message message = {
	        .run_id = "",
	        .package = "",
	        .version = "",
	        .verdict = "",
	        .max_severity = "",
	        .judged_at_ns = INT64_MIN,
	};
	int rc = json_read_document(json, &verdict_fields, &message, arena, err);
	if (rc < 0)
		return error_wrap(err, "verdict");
	if (!*message.run_id || !*message.verdict)
		return error_set(err, EBADMSG, "verdict: run_id and verdict must be given");
	*ret = message;
	return 0;
}

int deviations_message_read(struct view json, struct arena *arena, enum deviations_type *ret_type,
                            struct deviation_message *ret_deviation,
                            struct verdict_message *ret_verdict, struct error *err)
{
	struct envelope {
		struct view type;
	};
	static const struct json_field rows[] = {JSON_FIELD("type", TEXT, struct envelope, type)};
	static const struct json_fields fields = JSON_FIELDS(rows);
	struct envelope envelope = {.type = {NULL, 0}};
	int rc = json_read_document(json, &fields, &envelope, arena, err);
	if (rc < 0)
		return rc;
	if (view_is(envelope.type, TYPE_DEVIATION)) {
		*ret_type = DEVIATIONS_DEVIATION;
		return read_deviation(json, arena, ret_deviation, err);
	}
	if (view_is(envelope.type, TYPE_VERDICT)) {
		*ret_type = DEVIATIONS_VERDICT;
		return read_verdict(json, arena, ret_verdict, err);
	}
	return error_set(err, EBADMSG, "unknown type '%.*s'", VIEW_ARG(envelope.type));
}
