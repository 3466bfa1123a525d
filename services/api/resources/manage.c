// SPDX-License-Identifier: Apache-2.0
#include "resources/manage.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "api.h"
#include "log/log.h"
#include "model/baseline.h"
#include "model/package.h"
#include "model/severity.h"
#include "resources/browse.h"
#include "json/json.h"
#include "json/json_writer.h"

enum { ANSWER_MAX_BYTES = 4096, NAME_MAX_BYTES = 128, URL_MAX_BYTES = 2048 };

/* A browser cannot send this type across sites without asking first. */
static bool is_json(struct http_request *request)
{
	const char *type = http_request_header(request, "Content-Type");
	static const char wanted[] = "application/json";

	if (type && strncasecmp(type, wanted, sizeof(wanted) - 1) == 0)
		return true;
	http_reply_error(request, 415, "Content-Type must be application/json");
	return false;
}

/* The body as an object; NULL when it was answered. */
static struct json *read_object(struct http_request *request)
{
	struct error err = {0};

	if (!is_json(request))
		return NULL;
	struct json *body = json_parse(http_request_body(request), true, &err);
	if (body && json_is_object(body))
		return body;
	json_free(body);
	http_reply_error(request, 400, "decode body: %s", body ? "not an object" : err.text);
	return NULL;
}

/* Packages. ------------------------------------------------------------------------------------ */

/* 1 or 0 as the query says, or negative. */
static int change(struct api *api, int (*query)(struct db_conn *, const char *, struct error *),
                  const char *name, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);

	return conn ? query(conn, name, err) : -err->code;
}

static void reply_name(struct http_request *request, int status, const char *name)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "name", name);
	json_end_object(&w);
	http_reply_json(request, status, buf_view(&body));
}

void manage_handle_add_package(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct error err = {0};
	AUTO(json) struct json *body = read_object(request);

	if (!body)
		return;
	const char *name = json_string(json_get(body, "name"), "");
	if (!package_name_valid(name)) {
		http_reply_error(request, 400, "'%s' is not the name of an npm package", name);
		return;
	}
	int rc = change(api, query_add_package, name, &err);
	if (rc < 0) {
		failure_reply(&api->failures, request, &err);
	} else if (rc == 0) {
		http_reply_error(request, 409, "package '%s' is watched already", name);
	} else {
		LOG_INFO("package added", LOG_STR("package", name));
		reply_name(request, 201, name);
	}
}

static void reply_removed(struct api *api, struct http_request *request, const char *what, int rc,
                          const struct error *err)
{
	const char *name = http_request_param(request, "name");

	if (rc < 0) {
		failure_reply(&api->failures, request, err);
	} else if (rc == 0) {
		http_reply_error(request, 404, "%s not found", what);
	} else {
		LOG_INFO("removed", LOG_STR("what", what), LOG_STR("name", name));
		http_reply_empty(request, 204);
	}
}

void manage_handle_remove_package(void *ctx, struct http_request *request)
{
	struct error err = {0};
	int rc = change(ctx, query_remove_package, http_request_param(request, "name"), &err);

	reply_removed(ctx, request, "package", rc, &err);
}

/* Notifiers. ----------------------------------------------------------------------------------- */

static bool is_header_map(const struct json *headers)
{
	if (!json_is_object(headers))
		return false;
	for (const struct json *header = json_first(headers); header; header = json_next(header)) {
		if (!json_is_string(header))
			return false;
	}
	return true;
}

/* https, or http to this host: a webhook carries what was found out about attackers. */
static bool is_webhook_url(const char *url)
{
	static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

	if (strlen(url) > URL_MAX_BYTES || strpbrk(url, " \t\r\n"))
		return false;
	if (strncmp(url, "https://", strlen("https://")) == 0)
		return url[strlen("https://")] != '\0';
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		size_t size = strlen(local[i]);

		if (strncmp(url, local[i], size) == 0 && strchr(":/", url[size]))
			return true;
	}
	return false;
}

static int check_notifier(const struct notifier *n, const struct json *headers, struct error *err)
{
	enum severity severity;

	if (!*n->name || strlen(n->name) > NAME_MAX_BYTES)
		return error_set(err, EINVAL, "a notifier's name has 1 to %d bytes",
		                 NAME_MAX_BYTES);
	if (!is_webhook_url(n->url))
		return error_set(err, EINVAL,
		                 "url must begin with https:// (http:// only to this host)");
	if (strcmp(n->template, "generic") != 0 && strcmp(n->template, "slack") != 0 &&
	    strcmp(n->template, "discord") != 0)
		return error_set(err, EINVAL, "template must be generic, slack or discord");
	if (*n->min_severity && !severity_parse(n->min_severity, &severity))
		return error_set(err, EINVAL, "min_severity must be info, warn or crit");
	if (headers && !is_header_map(headers))
		return error_set(err, EINVAL, "headers must be an object of strings");
	return 0;
}

int manage_read_notifier(struct view body, const char *name, struct arena *arena,
                         struct notifier *ret, struct error *err)
{
	AUTO(json) struct json *json = json_parse(body, true, err);

	if (!json)
		return error_wrap(err, "decode body");
	const struct json *headers = json_get(json, "headers");
	AUTO(free) char *header_text = headers ? json_to_text(headers) : NULL;
	*ret = (struct notifier){
	        .name = name,
	        .url = arena_strdup(arena, json_string(json_get(json, "url"), "")),
	        .template = arena_strdup(arena, json_string(json_get(json, "template"), "generic")),
	        .secret_env = arena_strdup(arena, json_string(json_get(json, "secret_env"), "")),
	        .headers = arena_strdup(arena, header_text ? header_text : ""),
	        .min_severity =
	                arena_strdup(arena, json_string(json_get(json, "min_severity"), "")),
	        .enabled = json_bool(json_get(json, "enabled"), true),
	};
	return check_notifier(ret, headers, err);
}

void manage_handle_put_notifier(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	const char *name = http_request_param(request, "name");
	struct notifier notifier;
	struct error err = {0};

	if (!is_json(request))
		return;
	int rc = manage_read_notifier(http_request_body(request), name, http_request_arena(request),
	                              &notifier, &err);
	AUTO(db_conn) struct db_conn *conn = rc == 0 ? db_acquire(api->db, &err) : NULL;
	if (!conn || query_put_notifier(conn, &notifier, &err) < 0) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	LOG_INFO("notifier set", LOG_STR("name", name), LOG_BOOL("enabled", notifier.enabled));
	reply_name(request, 200, name);
}

void manage_handle_remove_notifier(void *ctx, struct http_request *request)
{
	struct error err = {0};
	int rc = change(ctx, query_remove_notifier, http_request_param(request, "name"), &err);

	reply_removed(ctx, request, "notifier", rc, &err);
}

/* Promotion. ----------------------------------------------------------------------------------- */

struct promotion {
	const char *run_id, *by;
	struct arena *arena;
	const char *package;
	int64_t merged;
};

static int promote(void *ctx, struct db_conn *conn, struct error *err)
{
	struct promotion *promotion = ctx;

	promotion->merged = baseline_promote(conn, promotion->run_id, promotion->by, err);
	if (promotion->merged < 0)
		return (int)promotion->merged;
	return query_run_package(conn, promotion->run_id, promotion->arena, &promotion->package,
	                         err);
}

static void reply_promoted(struct http_request *request, const struct promotion *promotion)
{
	AUTO(buf) struct buf body;

	buf_init(&body, ANSWER_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "run_id", promotion->run_id);
	json_member_string(&w, "package", promotion->package);
	json_member_int(&w, "fingerprints_merged", promotion->merged);
	json_member_bool(&w, "promoted", true);
	json_end_object(&w);
	http_reply_json(request, 200, buf_view(&body));
}

/* Who decides, from the body's optional "by". False when it was answered. */
static bool read_decider(struct http_request *request, const char **ret)
{
	*ret = "";
	if (http_request_body(request).size == 0)
		return true;
	AUTO(json) struct json *body = read_object(request);
	if (!body)
		return false;
	*ret = arena_strdup(http_request_arena(request), json_string(json_get(body, "by"), ""));
	return true;
}

/* The full id of the run in the path; the connection is given back before the transaction. */
static const char *resolve(struct api *api, struct http_request *request)
{
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, &err);

	if (conn)
		return browse_resolve_id(api, request, conn, false);
	failure_reply(&api->failures, request, &err);
	return NULL;
}

void manage_handle_promote(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct promotion promotion = {.arena = http_request_arena(request)};
	struct error err = {0};

	if (!read_decider(request, &promotion.by) || !(promotion.run_id = resolve(api, request)))
		return;
	int rc = db_transaction(api->db, promote, &promotion, &err);
	if (rc == -ENOENT) {
		http_reply_error(request, 404, "run not found");
	} else if (rc == -EINVAL) {
		http_reply_error(request, 409, "%s", err.text);
	} else if (rc < 0) {
		failure_reply(&api->failures, request, &err);
	} else {
		metric_add(api->metrics.promoted, 1);
		LOG_INFO("run promoted", LOG_STR("run_id", promotion.run_id),
		         LOG_STR("by", promotion.by), LOG_INT("merged", promotion.merged));
		reply_promoted(request, &promotion);
	}
}
