// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "model/job.h"
#include "wire/wire.h"
#include "json/json_fields.h"

enum { CAPABILITIES_MAX = 64, SLOTS_MAX = 1024 };
#define DEFAULT_DURATION_NS (10 * NS_PER_S)

/* An array of strings; what is beyond `max` is refused. */
static int read_strings(struct json_pull *pull, size_t max, struct arena *arena,
                        struct id_list *ret, struct error *err)
{
	const char **items = arena_alloc(arena, max, sizeof(const char *));
	size_t count = 0;
	int rc = json_pull_array(pull, err);

	while (rc >= 0 && (rc = json_pull_item(pull, err)) > 0) {
		if (count == max)
			return json_pull_fail(pull, err, "too many elements");
		rc = json_pull_cstring(pull, arena, &items[count++], err);
	}
	*ret = (struct id_list){items, count};
	return rc;
}

/* What JSON null or an absent key leaves. */
static const char *text(const char *value)
{
	return value ? value : "";
}

/* Existing servers say so, and operators search for it. */
static int read_body(struct view body, const struct json_fields *fields, void *target,
                     struct arena *arena, struct error *err)
{
	if (view_trim(body).size == 0)
		return error_set(err, EINVAL, "EOF");
	return json_read_document(body, fields, target, arena, err);
}

void wire_quote(struct buf *out, const char *text)
{
	static const char letters[] = "abtnvfr"; /* of the control characters from 7 on */

	buf_append_char(out, '"');
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_printf(out, "\\%c", *c);
		else if (*c >= '\a' && *c <= '\r')
			buf_printf(out, "\\%c", letters[*c - '\a']);
		else if ((unsigned char)*c < ' ' || *c == '\x7f')
			buf_printf(out, "\\x%02x", (unsigned)*c);
		else
			buf_append_char(out, *c);
	}
	buf_append_char(out, '"');
}

/* Register. ------------------------------------------------------------------------------------ */

struct register_body {
	struct registration registration;
	uint32_t proto_version;
};

static int read_capabilities(struct json_pull *pull, void *target, struct arena *arena,
                             struct error *err)
{
	struct registration *r = &((struct register_body *)target)->registration;
	struct id_list list = {0};
	int rc = read_strings(pull, CAPABILITIES_MAX, arena, &list, err);

	if (rc < 0)
		return rc;
	r->capabilities = list.items;
	r->capability_count = list.count;
	return 0;
}

static const struct json_field native_rows[] = {
        JSON_FIELD("transport", STRING, struct register_body, registration.transport),
        JSON_FIELD("slots", I64, struct register_body, registration.slots),
        JSON_FIELD("boot_id", STRING, struct register_body, registration.boot_id),
        JSON_FIELD("version", STRING, struct register_body, registration.version),
        JSON_FIELD("sensor_tier", STRING, struct register_body, registration.sensor_tier),
};
static const struct json_fields native_fields = JSON_FIELDS(native_rows);

static int read_native(struct json_pull *pull, void *target, struct arena *arena, struct error *err)
{
	((struct register_body *)target)->registration.native = true;
	return json_read_fields(pull, &native_fields, target, arena, err);
}

static const struct json_field register_rows[] = {
        JSON_FIELD("runner_id", STRING, struct register_body, registration.runner_id),
        JSON_FIELD("hostname", STRING, struct register_body, registration.hostname),
        JSON_FIELD_BY("capabilities", read_capabilities),
        JSON_FIELD("kernel_version", STRING, struct register_body, registration.kernel_version),
        JSON_FIELD("proto_version", U32, struct register_body, proto_version),
        JSON_FIELD_BY("fangs", read_native),
};
static const struct json_fields register_fields = JSON_FIELDS(register_rows);

static int check_native(const struct registration *r, struct error *err)
{
	if (strcmp(r->transport, "http") != 0 && strcmp(r->transport, "kafka") != 0)
		return error_set(err, EINVAL, "fangs.transport '%s' is neither http nor kafka",
		                 r->transport);
	if (r->slots < 1 || r->slots > SLOTS_MAX)
		return error_set(err, EINVAL, "fangs.slots must be 1 to %d", SLOTS_MAX);
	return 0;
}

static int check_register(const struct register_body *body, struct error *err)
{
	const struct registration *r = &body->registration;

	if (!*r->runner_id)
		return error_set(err, EINVAL, "missing runner_id");
	if (strlen(r->runner_id) > WIRE_RUNNER_ID_MAX)
		return error_set(err, EINVAL, "runner_id is longer than %d bytes",
		                 WIRE_RUNNER_ID_MAX);
	if (body->proto_version != WIRE_PROTO_VERSION)
		return error_set(err, EINVAL, "proto_version %u != orchestrator %d",
		                 body->proto_version, WIRE_PROTO_VERSION);
	return check_native(r, err);
}

int wire_read_register(struct view body, struct arena *arena, struct registration *ret,
                       struct error *err)
{
	struct register_body read = {.registration = {.transport = "http", .slots = 1}};
	struct registration *r = &read.registration;
	int rc = read_body(body, &register_fields, &read, arena, err);

	if (rc < 0)
		return error_wrap(err, "decode body");
	r->runner_id = text(r->runner_id);
	r->hostname = text(r->hostname);
	r->kernel_version = text(r->kernel_version);
	r->boot_id = text(r->boot_id);
	r->version = text(r->version);
	r->sensor_tier = text(r->sensor_tier);
	rc = check_register(&read, err);
	if (rc == 0)
		*ret = *r;
	return rc;
}

/* Heartbeat. ----------------------------------------------------------------------------------- */

static int read_active(struct json_pull *pull, void *target, struct arena *arena, struct error *err)
{
	return read_strings(pull, WIRE_RUN_IDS_MAX, arena,
	                    &((struct wire_heartbeat *)target)->active, err);
}

static int read_finished(struct json_pull *pull, void *target, struct arena *arena,
                         struct error *err)
{
	return read_strings(pull, WIRE_RUN_IDS_MAX, arena,
	                    &((struct wire_heartbeat *)target)->finished, err);
}

static int read_handed_back(struct json_pull *pull, void *target, struct arena *arena,
                            struct error *err)
{
	return read_strings(pull, WIRE_RUN_IDS_MAX, arena,
	                    &((struct wire_heartbeat *)target)->handed_back, err);
}

static const struct json_field our_heartbeat_rows[] = {
        JSON_FIELD("boot_id", STRING, struct wire_heartbeat, boot_id),
        JSON_FIELD_BY("active_run_ids", read_active),
        JSON_FIELD_BY("finished_run_ids", read_finished),
        JSON_FIELD_BY("handed_back_run_ids", read_handed_back),
        JSON_FIELD_IGNORED("free_slots"),
};
static const struct json_fields our_heartbeat_fields = JSON_FIELDS(our_heartbeat_rows);

static int read_our_heartbeat(struct json_pull *pull, void *target, struct arena *arena,
                              struct error *err)
{
	((struct wire_heartbeat *)target)->native = true;
	return json_read_fields(pull, &our_heartbeat_fields, target, arena, err);
}

static const struct json_field heartbeat_rows[] = {
        JSON_FIELD("active_run_id", STRING, struct wire_heartbeat, active_run_id),
        JSON_FIELD("status", STRING, struct wire_heartbeat, status),
        JSON_FIELD_BY("fangs", read_our_heartbeat),
};
static const struct json_fields heartbeat_fields = JSON_FIELDS(heartbeat_rows);

int wire_read_heartbeat(struct view body, struct arena *arena, struct wire_heartbeat *ret,
                        struct error *err)
{
	struct wire_heartbeat read = {0};
	int rc = body.size ? json_read_document(body, &heartbeat_fields, &read, arena, err) : 0;

	if (rc < 0)
		return error_wrap(err, "decode heartbeat");
	read.active_run_id = text(read.active_run_id);
	read.status = text(read.status);
	read.boot_id = text(read.boot_id);
	if (*read.active_run_id && read.active.count == 0) {
		const char **items = arena_alloc(arena, 1, sizeof(*items));

		items[0] = read.active_run_id;
		read.active = (struct id_list){items, 1};
	}
	*ret = read;
	return 0;
}

/* Scan. ---------------------------------------------------------------------------------------- */

struct scan_body {
	const char *target_runner;
	struct view job;
};

static const struct json_field scan_rows[] = {
        JSON_FIELD("target_runner", STRING, struct scan_body, target_runner),
        JSON_FIELD("Job", RAW, struct scan_body, job),
};
static const struct json_fields scan_fields = JSON_FIELDS(scan_rows);

static void fill_in(struct job *job, const struct watched_paths *watched, int64_t now_ns)
{
	if (!*job->kind)
		job->kind = "sensor_only";
	if (job->duration_ns == 0)
		job->duration_ns = DEFAULT_DURATION_NS;
	if (job->watched_path_count == 0)
		watched_paths_apply(watched, job);
	if (run_id_is_zero(&job->run_id))
		job->run_id = run_id_new();
	job->canonical_run_id = job->run_id;
	job->attempt = 1;
	job->dispatched_at_ns = now_ns;
}

int wire_read_scan(struct view body, struct arena *arena, const struct watched_paths *watched,
                   int64_t now_ns, const char **ret_target, struct job *ret, struct error *err)
{
	struct scan_body read = {0};
	int rc = read_body(body, &scan_fields, &read, arena, err);

	if (rc == 0)
		rc = job_read_json(read.job.size ? read.job : VIEW_LITERAL("{}"), arena, ret, err);
	if (rc < 0)
		return error_wrap(err, "decode body");
	*ret_target = text(read.target_runner);
	if (!**ret_target)
		return error_set(err, EINVAL, "missing target_runner");
	fill_in(ret, watched, now_ns);
	return 0;
}
