// SPDX-License-Identifier: Apache-2.0
/*
 * fangs status: what runs. Merges what `fangs up` on this host wrote down (processes, database URL)
 * with what the gateway knows (services that report to the database, runners, counts).
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway.h"
#include "output.h"
#include "up/state.h"
#include "json/json_writer.h"

enum { STATUS_MAX_BYTES = 4 * 1024 * 1024 };

static const struct json *find_service(const struct json *list, const char *name)
{
	for (const struct json *item = json_first(list); item; item = json_next(item))
		if (strcmp(json_string(json_get(item, "service"), ""), name) == 0)
			return item;
	return NULL;
}

/* "ready", "not ready", or the supervisor's word while the service has not reported yet. */
static const char *state_of(const struct json *local, const struct json *reported, bool gateway_ok)
{
	const char *name = json_string(json_get(local ? local : reported, "service"), "");
	const char *supervised = json_string(json_get(local, "state"), "running");
	if (strcmp(supervised, "running") != 0)
		return supervised;
	if (reported && json_bool(json_get(reported, "alive"), true))
		return json_bool(json_get(reported, "ready"), false) ? "ready" : "not ready";
	if (strcmp(name, "api") == 0 || strcmp(name, "postgres") == 0)
		return gateway_ok ? "ready" : "starting";
	return reported ? "gone" : "starting";
}

static const struct json *find_runner_host(const struct json *runners)
{
	for (const struct json *item = json_first(runners); item; item = json_next(item))
		if (json_bool(json_get(item, "alive"), false))
			return item;
	return NULL;
}

static void write_service(struct json_writer *w, const struct json *local,
                          const struct json *reported, const char *state)
{
	const struct json *named = local ? local : reported;
	json_object(w);
	json_member_string(w, "service", json_string(json_get(named, "service"), ""));
	json_member_string(w, "state", state);
	json_member_int(w, "pid", json_int(json_get(local, "pid"), 0));
	json_member_int(w, "restarts", json_int(json_get(local, "restarts"), 0));
	json_member_string(w, "instance", json_string(json_get(reported, "instance"), ""));
	json_member_string(w, "version", json_string(json_get(reported, "version"), ""));
	json_member_string(w, "detail", json_string(json_get(reported, "detail"), ""));
	json_end_object(w);
}

static void write_services(struct json_writer *w, const struct json *local,
                           const struct json *remote)
{
	const struct json *processes = json_get(local, "services");
	const struct json *reported = json_get(remote, "services");
	json_member(w, "services");
	json_array(w);
	for (const struct json *item = json_first(processes); item; item = json_next(item)) {
		const char *name = json_string(json_get(item, "service"), "");
		const struct json *match = find_service(reported, name);
		const char *state = state_of(item, match, remote != NULL);
		if (strcmp(name, "runner") == 0 && strcmp(state, "starting") == 0 &&
		    find_runner_host(json_get(remote, "runners")))
			state = "ready"; /* it reports as a runner, not as a service */
		write_service(w, item, match, state);
	}
	for (const struct json *item = json_first(reported); item; item = json_next(item))
		if (!find_service(processes, json_string(json_get(item, "service"), "")))
			write_service(w, NULL, item, state_of(NULL, item, true));
	json_end_array(w);
}

static void write_raw_member(struct json_writer *w, const char *key, const struct json *value)
{
	AUTO(free) char *text = value ? json_to_text(value) : NULL;
	json_member_raw(w, key, text ? view_of_string(text) : VIEW_LITERAL("null"));
}

static void merge(struct buf *out, const struct cli *cli, const struct json *local,
                  const struct json *remote)
{
	struct json_writer w = json_writer_on(out);
	const char *database = json_string(json_get(local, "database_url"), NULL);
	json_object(&w);
	json_member_string(&w, "gateway_url",
	                   json_string(json_get(local, "gateway_url"), cli->gateway_url));
	json_member_string(&w, "database_url",
	                   database ? database : json_string(json_get(remote, "database_url"), ""));
	json_member_string(
	        &w, "bus",
	        json_string(json_get(local, "bus"), json_string(json_get(remote, "bus"), "")));
	json_member_string(&w, "version", json_string(json_get(remote, "version"), ""));
	json_member_bool(&w, "gateway_reachable", remote != NULL);
	write_services(&w, local, remote);
	write_raw_member(&w, "runners", json_get(remote, "runners"));
	write_raw_member(&w, "counts", json_get(remote, "counts"));
	json_end_object(&w);
}

static void print_tables(const struct json *status)
{
	static const struct field service_fields[] = {
	        {{"SERVICE", 0}, "service", FIELD_TEXT},
	        {{"STATE", 0}, "state", FIELD_TEXT},
	        {{"PID", 0}, "pid", FIELD_TEXT},
	        {{"RESTARTS", 0}, "restarts", FIELD_TEXT},
	        {{"INSTANCE", 0}, "instance", FIELD_TEXT},
	        {{"DETAIL", 60}, "detail", FIELD_TEXT},
	};
	static const struct field runner_fields[] = {
	        {{"RUNNER", 0}, "id", FIELD_TEXT},
	        {{"STATUS", 0}, "status", FIELD_TEXT},
	        {{"TRANSPORT", 0}, "transport", FIELD_TEXT},
	        {{"SLOTS", 0}, "slots", FIELD_TEXT},
	        {{"BUSY", 0}, "busy", FIELD_TEXT},
	        {{"SENSOR", 0}, "sensor_tier", FIELD_TEXT},
	        {{"SEEN", 0}, "last_seen_at", FIELD_TIME},
	};
	printf("gateway   %s%s\ndatabase  %s\nbus       %s\n\n",
	       json_string(json_get(status, "gateway_url"), ""),
	       json_bool(json_get(status, "gateway_reachable"), false) ? "" : " (does not answer)",
	       json_string(json_get(status, "database_url"), ""),
	       json_string(json_get(status, "bus"), ""));
	output_table(json_get(status, "services"), service_fields, FIELD_COUNT(service_fields));
	putchar('\n');
	output_table(json_get(status, "runners"), runner_fields, FIELD_COUNT(runner_fields));
}

static int status(const struct cli *cli, const struct command_args *args, struct error *err)
{
	(void)args;
	AUTO(json) struct json *local = up_state_read(cli->gateway_url);
	AUTO(json) struct json *remote = NULL;
	int code = gateway_get(cli, "/v1/status", NULL, &remote, err);
	if (code != EXIT_CODE_OK && !local)
		return code;
	AUTO(buf) struct buf text;
	buf_init(&text, STATUS_MAX_BYTES);
	merge(&text, cli, local, remote);
	AUTO(json) struct json *merged = json_parse(buf_view(&text), true, NULL);
	if (cli->output == OUTPUT_JSON)
		output_json(merged);
	else
		print_tables(merged);
	return code;
}

const struct command command_status = {
        .noun = "status",
        .operands = "",
        .summary = "Show the services, the runners and where they are",
        .run = status,
};
