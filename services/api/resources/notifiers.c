// SPDX-License-Identifier: Apache-2.0
#include "resources/notifiers.h"

#include <errno.h>
#include <string.h>

#include "api.h"
#include "base/utf8.h"
#include "log/log.h"
#include "model/severity.h"
#include "resources/body.h"
#include "resources/change.h"
#include "resources/list.h"
#include "resources/resources.h"
#include "resources/sql.h"

enum { NAME_LENGTH_MAX = 128, URL_LENGTH_MAX = 2048, WORD_LENGTH_MAX = 256 };

// clang-format off
/* A chat webhook's address is its secret; a header may hold one. */
#define COLUMNS \
	"SELECT name, CASE WHEN template IN ('slack', 'discord')" \
	"  THEN regexp_replace(url, '^([a-z]+://[^/]*/).*$', '\\1...') ELSE url END AS url," \
	" template, secret_env, headers IS NOT NULL AS has_headers, min_severity, enabled, " \
	UTC("created_at") " AS created_at, " UTC("updated_at") " AS updated_at"

static const struct list all_notifiers = {
	.statement = {"api_notifiers",
		COLUMNS ", " NAME_CURSOR("name") " FROM notifiers WHERE " AFTER_PAGE("name")
		BY_NAME("name")},
	.order = PAGE_BY_TEXT,
};
static const struct db_statement one_notifier = {"api_notifier",
	COLUMNS " FROM notifiers WHERE name = $1"};

static const struct db_statement put_notifier = {"api_put_notifier",
	"INSERT INTO notifiers (name, url, template, secret_env, headers, min_severity, enabled,"
	"  created_at, updated_at)"
	" VALUES ($1, $2, $3, NULLIF($4, ''), NULLIF($5, ''), NULLIF($6, ''), $7::boolean, now(),"
	"  now())"
	" ON CONFLICT (name) DO UPDATE SET url = $2, template = $3, secret_env = NULLIF($4, ''),"
	"  headers = NULLIF($5, ''), min_severity = NULLIF($6, ''), enabled = $7::boolean,"
	"  updated_at = now()"};
static const struct db_statement remove_notifier = {"api_remove_notifier",
	"DELETE FROM notifiers WHERE name = $1"};
// clang-format on

/* https, or http to this host: a webhook carries what was found out about attackers. */
static bool is_webhook_url(const char *url)
{
	static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

	for (const char *at = url; *at; at++) {
		if ((unsigned char)*at <= ' ' || *at == '\x7f')
			return false;
	}
	if (strncmp(url, "https://", strlen("https://")) == 0)
		return !strchr("/:?#", url[strlen("https://")]);
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		size_t size = strlen(local[i]);

		if (strncmp(url, local[i], size) == 0 && strchr(":/", url[size]))
			return true;
	}
	return false;
}

static int check(const struct notifier *n, struct error *err)
{
	enum severity severity;

	if (!*n->name || utf8_length(view_of_string(n->name)) > NAME_LENGTH_MAX)
		return error_set(err, EINVAL, "name: a notifier's name has 1 to %d characters",
		                 NAME_LENGTH_MAX);
	if (!is_webhook_url(n->url))
		return error_set(err, EINVAL,
		                 "url must begin with https:// (http:// only to this host)");
	if (strcmp(n->template, "generic") != 0 && strcmp(n->template, "slack") != 0 &&
	    strcmp(n->template, "discord") != 0)
		return error_set(err, EINVAL, "template must be generic, slack or discord");
	if (*n->min_severity && !severity_parse(n->min_severity, &severity))
		return error_set(err, EINVAL, "min_severity must be info, warn or crit");
	return 0;
}

int notifier_read(struct view text, const char *name, struct arena *arena, struct notifier *ret,
                  struct error *err)
{
	static const struct body_member members[] = {
	        {"url", BODY_TEXT, .required = true, .max = URL_LENGTH_MAX},
	        {"template", BODY_TEXT, .max = WORD_LENGTH_MAX},
	        {"secret_env", BODY_TEXT, .max = WORD_LENGTH_MAX},
	        {"min_severity", BODY_TEXT, .max = WORD_LENGTH_MAX},
	        {"headers", BODY_TEXT_MAP, .required = false},
	        {"enabled", BODY_BOOL, .required = false},
	};
	AUTO(json) struct json *body = body_parse(text, members, BODY_COUNT(members), err);

	if (!body)
		return -err->code;
	const struct json *headers = json_get(body, "headers");
	AUTO(free) char *header_text = headers ? json_to_text(headers) : NULL;
	*ret = (struct notifier){
	        .name = name,
	        .url = arena_strdup(arena, json_string(json_get(body, "url"), "")),
	        .template = arena_strdup(arena, json_string(json_get(body, "template"), "generic")),
	        .secret_env = arena_strdup(arena, json_string(json_get(body, "secret_env"), "")),
	        .headers = arena_strdup(arena, header_text ? header_text : ""),
	        .min_severity =
	                arena_strdup(arena, json_string(json_get(body, "min_severity"), "")),
	        .enabled = json_bool(json_get(body, "enabled"), true),
	};
	return check(ret, err);
}

void notifiers_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_notifiers, NULL);
}

void notifiers_handle_get(void *ctx, struct http_request *request)
{
	list_reply_one(ctx, request, &one_notifier, http_request_param(request, "name"),
	               "notifier");
}

static int64_t put(struct api *api, const struct notifier *n, struct error *err)
{
	const struct db_param params[] = {
	        DB_TEXT(n->name),       DB_TEXT(n->url),     DB_TEXT(n->template),
	        DB_TEXT(n->secret_env), DB_TEXT(n->headers), DB_TEXT(n->min_severity),
	        DB_BOOL(n->enabled),
	};

	return change_exec(api, &put_notifier, params, 7, err);
}

void notifiers_handle_put(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	const char *name = http_request_param(request, "name");
	struct notifier notifier = {0};
	struct error err = {0};

	if (!params_none(request))
		return;
	if (notifier_read(http_request_body(request), name, http_request_arena(request), &notifier,
	                  &err) < 0 ||
	    put(api, &notifier, &err) < 0) {
		failure_reply(&api->failures, request, &err);
		return;
	}
	LOG_INFO("notifier set", LOG_STR("name", name), LOG_BOOL("enabled", notifier.enabled));
	change_reply_name(request, 200, name);
}

void notifiers_handle_remove(void *ctx, struct http_request *request)
{
	const char *name = http_request_param(request, "name");
	struct error err = {0};

	if (!params_none(request))
		return;
	int64_t rows =
	        change_exec(ctx, &remove_notifier, (struct db_param[]){DB_TEXT(name)}, 1, &err);
	change_reply_removed(ctx, request, "notifier", name, rows, &err);
}
