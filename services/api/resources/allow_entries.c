// SPDX-License-Identifier: Apache-2.0
#include "resources/allow_entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "api.h"
#include "base/random.h"
#include "log/log.h"
#include "model/package.h"
#include "resources/body.h"
#include "resources/change.h"
#include "resources/list.h"
#include "resources/lookup.h"
#include "resources/resources.h"
#include "resources/sql.h"

enum {
	KIND_MAX = 16,
	VALUE_MAX = 512,
	NOTE_MAX = 4096,
	ID_RANDOM_BYTES = 8,
	HOST_MAX_BYTES = 253,
	IPV4_BITS = 32,
	IPV6_BITS = 128,
};

// clang-format off
#define COLUMNS \
	"SELECT id, scope, package_name AS package, kind, value, note, " \
	UTC("created_at") " AS created_at"

static const struct param filters[] = {
	{"scope", PARAM_WORD, "global|package"},
	{"package", PARAM_TEXT, NULL},
	{"kind", PARAM_WORD, "cidr|path|sni"},
};
/* As the existing CLI: of a package is what holds for it, the global entries too. */
static const struct list all_entries = {
	.statement = {"api_allow_entries",
		COLUMNS ", " TIME_CURSOR("created_at", "id") " FROM allowlists"
		" WHERE " NEWER_THAN_PAGE("created_at", "id")
		" AND " FILTER("scope", 4)
		" AND ($5::text IS NULL OR package_name IS NULL OR package_name = $5)"
		" AND " FILTER("kind", 6)
		NEWEST_FIRST("created_at", "id")},
	.order = PAGE_BY_TIME_AND_TEXT,
	LIST_FILTERS(filters),
};
static const struct db_statement one_entry = {"api_allow_entry",
	COLUMNS " FROM allowlists WHERE id = $1"};

/* There is no constraint that would tell equal entries. */
static const struct db_statement lock_entries = {"api_lock_allow_entries",
	"SELECT pg_advisory_xact_lock(hashtext('fangs_allow_entries'))"};
static const struct db_statement add_entry = {"api_add_allow_entry",
	"INSERT INTO allowlists (id, scope, package_name, kind, value, note, created_at)"
	" SELECT $1, CASE WHEN $2::text IS NULL THEN 'global' ELSE 'package' END, $2, $3, $4, $5, now()"
	" WHERE NOT EXISTS (SELECT 1 FROM allowlists WHERE package_name IS NOT DISTINCT FROM $2"
	"  AND kind = $3 AND value = $4)"};
static const struct db_statement remove_entry = {"api_remove_allow_entry",
	"DELETE FROM allowlists WHERE id = $1"};
// clang-format on

static bool is_cidr(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];
	const char *slash = strchr(text, '/');
	int64_t bits = 0;

	if (!slash || (size_t)(slash - text) >= sizeof(address) || slash[1] == '-' ||
	    slash[1] == '+' || !view_to_i64(view_of_string(slash + 1), &bits))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, bytes) == 1)
		return bits <= IPV4_BITS;
	return inet_pton(AF_INET6, address, bytes) == 1 && bits <= IPV6_BITS;
}

static bool is_host(const char *text)
{
	size_t size = strlen(text);

	return size > 0 && size <= HOST_MAX_BYTES &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-._") == size;
}

static char *lower(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *at = copy; *at; at++) {
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	}
	return copy;
}

static int check(const struct allow_entry *entry, struct error *err)
{
	if (entry->package && !package_name_valid(entry->package))
		return error_set(err, EINVAL, "package is not the name of an npm package");
	if (strcmp(entry->kind, "cidr") == 0)
		return is_cidr(entry->value)
		               ? 0
		               : error_set(err, EINVAL,
		                           "value must be an address range such as 10.0.0.0/8");
	if (strcmp(entry->kind, "path") == 0)
		return *entry->value == '/' ? 0
		                            : error_set(err, EINVAL, "value must be a path from /");
	if (strcmp(entry->kind, "sni") == 0)
		return is_host(entry->value)
		               ? 0
		               : error_set(err, EINVAL, "value must be the name of a host");
	return error_set(err, EINVAL, "kind must be cidr, path or sni");
}

int allow_entry_read(struct view text, struct arena *arena, struct allow_entry *ret,
                     struct error *err)
{
	static const struct body_member members[] = {
	        {"kind", BODY_TEXT, .required = true, .max = KIND_MAX},
	        {"value", BODY_TEXT, .required = true, .max = VALUE_MAX},
	        {"package", BODY_TEXT, .max = PACKAGE_NAME_MAX},
	        {"note", BODY_TEXT, .max = NOTE_MAX},
	};
	AUTO(json) struct json *body = body_parse(text, members, BODY_COUNT(members), err);

	if (!body)
		return -err->code;
	const struct json *package = json_get(body, "package");
	*ret = (struct allow_entry){
	        .kind = arena_strdup(arena, json_string(json_get(body, "kind"), "")),
	        .value = arena_strdup(arena, json_string(json_get(body, "value"), "")),
	        .note = arena_strdup(arena, json_string(json_get(body, "note"), "")),
	        .package = package ? arena_strdup(arena, json_string(package, "")) : NULL,
	};
	if (strcmp(ret->kind, "sni") == 0)
		ret->value = lower(arena, ret->value);
	return check(ret, err);
}

void allow_entries_handle_list(void *ctx, struct http_request *request)
{
	list_reply(ctx, request, &all_entries, NULL);
}

void allow_entries_handle_get(void *ctx, struct http_request *request)
{
	const char *id = lookup_id(ctx, request, LOOKUP_ALLOW_ENTRY);

	if (id)
		list_reply_one(ctx, request, &one_entry, id, "allow entry");
}

struct addition {
	const struct allow_entry *entry;
	char id[2 * ID_RANDOM_BYTES + 1];
	int64_t added;
};

static int add(void *ctx, struct db_conn *conn, struct error *err)
{
	struct addition *addition = ctx;
	const struct allow_entry *entry = addition->entry;
	const struct db_param params[] = {DB_TEXT(addition->id), DB_TEXT(entry->package),
	                                  DB_TEXT(entry->kind), DB_TEXT(entry->value),
	                                  DB_TEXT(entry->note)};

	if (db_exec(conn, &lock_entries, NULL, 0, err) < 0)
		return -err->code;
	addition->added = db_exec(conn, &add_entry, params, 5, err);
	return addition->added < 0 ? -err->code : 0;
}

static void reply_added(struct http_request *request, const struct addition *addition)
{
	const struct allow_entry *entry = addition->entry;
	AUTO(buf) struct buf body;

	buf_init(&body, BODY_MAX_BYTES);
	LOG_INFO("allow entry added", LOG_STR("id", addition->id), LOG_STR("kind", entry->kind),
	         LOG_STR("value", entry->value),
	         LOG_STR("package", entry->package ? entry->package : ""));
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "id", addition->id);
	json_member_string(&w, "scope", entry->package ? "package" : "global");
	json_member_string(&w, "package", entry->package);
	json_member_string(&w, "kind", entry->kind);
	json_member_string(&w, "value", entry->value);
	json_member_string(&w, "note", entry->note);
	json_end_object(&w);
	http_reply_json(request, 201, buf_view(&body));
}

void allow_entries_handle_add(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct allow_entry entry;
	struct addition addition = {.entry = &entry};
	struct error err = {0};

	if (!params_none(request))
		return;
	random_hex(addition.id, ID_RANDOM_BYTES);
	int rc = allow_entry_read(http_request_body(request), http_request_arena(request), &entry,
	                          &err);
	if (rc == 0)
		rc = db_transaction(api->db, add, &addition, &err);
	if (rc < 0)
		failure_reply(&api->failures, request, &err);
	else if (addition.added == 0)
		http_reply_error(request, 409, "there is such an entry already");
	else
		reply_added(request, &addition);
}

void allow_entries_handle_remove(void *ctx, struct http_request *request)
{
	struct error err = {0};

	if (!params_none(request))
		return;
	const char *id = lookup_id(ctx, request, LOOKUP_ALLOW_ENTRY);
	if (!id)
		return;
	int64_t rows = change_exec(ctx, &remove_entry, (struct db_param[]){DB_TEXT(id)}, 1, &err);
	change_reply_removed(ctx, request, "allow entry", id, rows, &err);
}
