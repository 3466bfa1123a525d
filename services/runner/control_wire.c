// SPDX-License-Identifier: Apache-2.0
#include "control_wire.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "json/json.h"
#include "json/json_writer.h"

enum {
	PROTO_VERSION = 1,
	POLL_INTERVAL_MS = 5000,
	HEARTBEAT_INTERVAL_MS = 30000,
	HEARTBEAT_INTERVAL_MIN_MS = 100,
	INTERVAL_MAX_MS = 3600000,
};

static void write_capabilities(struct json_writer *w)
{
	json_member(w, "capabilities");
	json_array(w);
	json_put_string(w, "sensor");
	json_put_string(w, "sandbox.docker");
	json_end_array(w);
}

void registration_write(struct buf *out, const struct registration *registration)
{
	struct utsname host = {0};
	(void)uname(&host);
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	json_member_string(&w, "runner_id", registration->runner_id);
	json_member_string(&w, "hostname", host.nodename);
	write_capabilities(&w);
	json_member_string(&w, "kernel_version", host.release);
	json_member_int(&w, "proto_version", PROTO_VERSION);
	json_member(&w, "fangs");
	json_object(&w);
	json_member_string(&w, "transport", registration->transport);
	json_member_uint(&w, "slots", registration->slots);
	json_member_string(&w, "boot_id", registration->boot_id);
	json_member_string(&w, "version", FANGS_VERSION);
	json_member_string(&w, "sensor_tier", registration->sensor_tier);
	json_end_object(&w);
	json_end_object(&w);
}

static int64_t read_interval_ms(const struct json *ack, const char *key, int64_t fallback_ms)
{
	int64_t ms = json_int(json_get_ci(ack, key), 0) / NS_PER_MS;
	return ms > 0 && ms <= INTERVAL_MAX_MS ? ms : fallback_ms;
}

int registration_ack_read(struct view text, struct registration_ack *ret, struct error *err)
{
	AUTO(json) struct json *ack = json_parse(text, false, err);
	if (!ack)
		return error_set_class(err, ERROR_RETRY, EPROTO,
		                       "the answer to the registration is not JSON; is this a "
		                       "FANGS gateway?");
	if (!json_bool(json_get_ci(ack, "ok"), false))
		return error_set_class(err, ERROR_RETRY, EPROTO,
		                       "the gateway did not accept the registration");
	const struct json *ours = json_get_ci(ack, "fangs");
	int64_t partition = json_int(json_get_ci(ours, "jobs_partition"), -1);
	ret->ours = ours != NULL;
	ret->jobs_partition = partition >= 0 && partition <= INT32_MAX ? (int32_t)partition : -1;
	ret->poll_interval_ms = read_interval_ms(ack, "job_poll_interval", POLL_INTERVAL_MS);
	ret->heartbeat_interval_ms =
	        read_interval_ms(ack, "heartbeat_interval", HEARTBEAT_INTERVAL_MS);
	if (ret->heartbeat_interval_ms < HEARTBEAT_INTERVAL_MIN_MS)
		ret->heartbeat_interval_ms = HEARTBEAT_INTERVAL_MIN_MS;
	return 0;
}

static void write_ids(struct json_writer *w, const char *key, const struct heartbeat_ids *ids)
{
	json_member(w, key);
	json_array(w);
	for (size_t i = 0; i < ids->count; i++) {
		char text[RUN_ID_TEXT_SIZE];
		run_id_format(&ids->items[i], text);
		json_put_string(w, text);
	}
	json_end_array(w);
}

static const char *heartbeat_status(const struct heartbeat *heartbeat)
{
	if (heartbeat->draining)
		return "draining";
	return heartbeat->active.count > 0 ? "running" : "idle";
}

void heartbeat_write(struct buf *out, const struct heartbeat *heartbeat)
{
	struct json_writer w = json_writer_on(out);
	json_object(&w);
	json_member_string(&w, "runner_id", heartbeat->runner_id);
	if (heartbeat->active.count > 0) {
		char text[RUN_ID_TEXT_SIZE];
		run_id_format(&heartbeat->active.items[0], text);
		json_member_string(&w, "active_run_id", text);
	}
	json_member_string(&w, "status", heartbeat_status(heartbeat));
	json_member(&w, "fangs");
	json_object(&w);
	json_member_string(&w, "boot_id", heartbeat->boot_id);
	write_ids(&w, "active_run_ids", &heartbeat->active);
	write_ids(&w, "finished_run_ids", &heartbeat->finished);
	write_ids(&w, "handed_back_run_ids", &heartbeat->handed_back);
	json_member_uint(&w, "free_slots", heartbeat->slots - heartbeat->active.count);
	json_end_object(&w);
	json_end_object(&w);
}

int heartbeat_answer_read(struct view text, struct heartbeat_answer *ret, struct error *err)
{
	AUTO(json) struct json *answer = json_parse(text, false, err);
	if (!answer)
		return error_set_class(err, ERROR_RETRY, EPROTO,
		                       "the answer to a heartbeat is not JSON");
	*ret = (struct heartbeat_answer){
	        .unknown_runner = json_bool(json_get_ci(answer, "unknown_runner"), false),
	};
	const struct json *ids = json_get_ci(json_get_ci(answer, "fangs"), "cancel_run_ids");
	struct heartbeat_ids *cancel = &ret->cancel;
	for (const struct json *id = json_first(ids); id; id = json_next(id)) {
		if (cancel->count < HEARTBEAT_IDS_MAX &&
		    run_id_parse(view_of_string(json_string(id, "")),
		                 &cancel->items[cancel->count]))
			cancel->count++;
	}
	return 0;
}
