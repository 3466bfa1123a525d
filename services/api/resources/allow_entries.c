// SPDX-License-Identifier: Apache-2.0
#include "resources/allow_entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "api.h"
#include "base/alloc.h"
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
	IP_BYTES = sizeof(struct in6_addr),
	KIND_MAX = 16,
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
	{"kind", PARAM_WORD, "cidr|path|path_read|path_write|sni|dns|exec"},
};
/* As the existing CLI: of a package is what holds for it, the global entries too. */
static const struct list all_entries = {
	.statement = {"api_allow_entries",
		COLUMNS ", " TIME_CURSOR("created_at", "id") " FROM allow_entries"
		" WHERE " NEWER_THAN_PAGE("created_at", "id")
		" AND " FILTER("scope", 4)
		" AND ($5::text IS NULL OR package_name IS NULL OR package_name = $5)"
		" AND " FILTER("kind", 6)
		NEWEST_FIRST("created_at", "id")},
	.order = PAGE_BY_TIME_AND_TEXT,
	LIST_FILTERS(filters),
};
static const struct db_statement one_entry = {"api_allow_entry",
	COLUMNS " FROM allow_entries WHERE id = $1"};

/* There is no constraint that would tell equal entries. */
static const struct db_statement lock_entries = {"api_lock_allow_entries",
	"SELECT pg_advisory_xact_lock(hashtext('fangs_allow_entries'))"};
#define ADD(table) \
	"INSERT INTO " table " (id, scope, package_name, kind, value, note, created_at)" \
	" SELECT $1, CASE WHEN $2::text IS NULL THEN 'global' ELSE 'package' END, $2, $3, $4, $5, now()" \
	" WHERE NOT EXISTS (SELECT 1 FROM " table " WHERE package_name IS NOT DISTINCT FROM $2" \
	"  AND kind = $3 AND value = $4)"
static const struct db_statement add_shared = {"api_add_allow_entry", ADD("allowlists")};
static const struct db_statement add_own = {"api_add_allow_rule", ADD("allow_rules")};
static const struct db_statement remove_entry = {"api_remove_allow_entry",
	"WITH shared AS (DELETE FROM allowlists WHERE id = $1 RETURNING package_name, kind, value),"
	" own AS (DELETE FROM allow_rules WHERE id = $1 RETURNING package_name, kind, value)"
	" SELECT package_name, kind, value FROM shared UNION ALL"
	" SELECT package_name, kind, value FROM own"};
// clang-format on

/* An address, with the number of its bits; 0: it is none. */
static size_t parse_address(const char *text, size_t size, unsigned char ret[IP_BYTES])
{
	char copy[INET6_ADDRSTRLEN];

	if (size >= sizeof(copy))
		return 0;
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (inet_pton(AF_INET, copy, ret) == 1)
		return IPV4_BITS;
	return inet_pton(AF_INET6, copy, ret) == 1 ? IPV6_BITS : 0;
}

struct range {
	unsigned char address[IP_BYTES];
	size_t size; /* bits of the address */
	size_t prefix;
};

static bool parse_cidr(const char *text, struct range *ret)
{
	const char *slash = strchr(text, '/');
	int64_t bits = 0;

	if (!slash || slash[1] == '-' || slash[1] == '+' ||
	    !view_to_i64(view_of_string(slash + 1), &bits))
		return false;
	ret->size = parse_address(text, (size_t)(slash - text), ret->address);
	ret->prefix = (size_t)bits;
	return ret->size > 0 && ret->prefix <= ret->size;
}

static bool in_range(const struct range *range, const unsigned char address[IP_BYTES])
{
	size_t whole = range->prefix / 8, rest = range->prefix % 8;

	if (memcmp(range->address, address, whole) != 0)
		return false;
	return rest == 0 || ((range->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
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

enum form { FORM_CIDR, FORM_PATH, FORM_HOST, FORM_PROGRAM };

/* One for each kind. `categories` begin with what a deviation of it is allowed by. */
static const struct kind {
	const char *name;
	enum form form;
	bool shared; /* the existing CLI knows it */
	const char *categories[2];
} kinds[] = {
        {"cidr", FORM_CIDR, true, {"net_new_destination"}},
        {"path_read", FORM_PATH, false, {"fs_new_path_read"}},
        {"path_write", FORM_PATH, false, {"fs_new_path_write"}},
        {"path", FORM_PATH, true, {"fs_new_path_read", "fs_new_path_write"}},
        {"sni", FORM_HOST, true, {"net_new_https_host"}},
        {"dns", FORM_HOST, false, {"net_new_dns", "net_new_destination"}},
        {"exec", FORM_PROGRAM, false, {"proc_new_exec"}},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* Paths below an installed package are named by the package: "<name>/...". */
static bool is_path(const char *text)
{
	return *text == '/' || *text == '<';
}

static int check_value(const struct kind *kind, const char *value, struct error *err)
{
	struct range range;

	switch (kind->form) {
	case FORM_CIDR:
		return parse_cidr(value, &range)
		               ? 0
		               : error_set(err, EINVAL,
		                           "value must be an address range such as 10.0.0.0/8");
	case FORM_PATH:
		return is_path(value) ? 0 : error_set(err, EINVAL, "value must be a path from /");
	case FORM_HOST:
		return is_host(value) ? 0
		                      : error_set(err, EINVAL, "value must be the name of a host");
	case FORM_PROGRAM:
		break;
	}
	return *value ? 0 : error_set(err, EINVAL, "value must be the path of a program");
}

int allow_entry_check(struct allow_entry *entry, struct arena *arena, struct error *err)
{
	const struct kind *kind = kind_of(entry->kind);

	if (entry->package && !package_name_valid(entry->package))
		return error_set(err, EINVAL, "package is not the name of an npm package");
	if (!kind)
		return error_set(
		        err, EINVAL,
		        "kind must be cidr, path, path_read, path_write, sni, dns or exec");
	if (kind->form == FORM_HOST) {
		/* All below a name is written as the name behind a dot. */
		bool below = strncmp(entry->value, "*.", 2) == 0;
		entry->value = lower(arena, entry->value + below);
	}
	return check_value(kind, entry->value, err);
}

/* Without the port of "<address or name>:<port>". */
static size_t host_size(const char *destination)
{
	const char *colon = strrchr(destination, ':');

	return colon ? (size_t)(colon - destination) : 0;
}

static bool covers_address(const char *entry, const char *value)
{
	unsigned char address[IP_BYTES];
	struct range range;

	return parse_cidr(entry, &range) &&
	       parse_address(value, host_size(value), address) == range.size &&
	       in_range(&range, address);
}

static bool covers_host(struct view entry, struct view host)
{
	return view_equal(host, entry) || (entry.size && entry.data[0] == '.' &&
	                                   host.size > entry.size && view_ends_with(host, entry));
}

static bool covers_program(struct view entry, struct view program)
{
	return view_equal(program, entry) ||
	       (view_ends_with(entry, VIEW_LITERAL("/")) && view_starts_with(program, entry));
}

bool allow_entry_covers(const struct allow_entry *entry, const char *category, const char *value)
{
	const struct kind *kind = kind_of(entry->kind);
	struct view rule = view_of_string(entry->value), text = view_of_string(value);
	bool destination = strcmp(category, "net_new_destination") == 0;

	if (!kind || (strcmp(kind->categories[0], category) != 0 &&
	              (!kind->categories[1] || strcmp(kind->categories[1], category) != 0)))
		return false;
	switch (kind->form) {
	case FORM_CIDR:
		return covers_address(entry->value, value);
	case FORM_PATH:
		return view_starts_with(text, rule);
	case FORM_HOST:
		return covers_host(rule, destination ? view_of(value, host_size(value)) : text);
	case FORM_PROGRAM:
		return covers_program(rule, text);
	}
	return false;
}

void allow_entry_of_deviation(const char *category, const char *value, struct arena *arena,
                              struct allow_entry *ret)
{
	unsigned char address[IP_BYTES];

	if (strcmp(category, "net_new_destination") == 0) {
		size_t size = host_size(value), bits = parse_address(value, size, address);
		ret->kind = bits ? "cidr" : "dns";
		ret->value = bits ? arena_printf(arena, "%.*s/%zu", (int)size, value, bits)
		                  : arena_printf(arena, "%.*s", (int)size, value);
		return;
	}
	ret->kind = "";
	ret->value = value;
	for (size_t i = 0; i < KINDS && !*ret->kind; i++) {
		if (strcmp(kinds[i].categories[0], category) == 0)
			ret->kind = kinds[i].name;
	}
}

int allow_entry_read(struct view text, struct arena *arena, struct allow_entry *ret,
                     struct error *err)
{
	static const struct body_member members[] = {
	        {"kind", BODY_TEXT, .required = true, .max = KIND_MAX},
	        {"value", BODY_TEXT, .required = true, .max = ALLOW_VALUE_MAX},
	        {"package", BODY_TEXT, .max = PACKAGE_NAME_MAX},
	        {"note", BODY_TEXT, .max = NOTE_MAX},
	        {"by", BODY_TEXT, .max = DECISION_BY_MAX},
	};
	AUTO(json) struct json *body = body_parse(text, members, BODY_COUNT(members), err);

	if (!body)
		return -err->code;
	const struct json *package = json_get(body, "package");
	*ret = (struct allow_entry){
	        .kind = arena_strdup(arena, json_string(json_get(body, "kind"), "")),
	        .value = arena_strdup(arena, json_string(json_get(body, "value"), "")),
	        .note = arena_strdup(arena, json_string(json_get(body, "note"), "")),
	        .by = arena_strdup(arena, json_string(json_get(body, "by"), "")),
	        .package = package ? arena_strdup(arena, json_string(package, "")) : NULL,
	};
	return allow_entry_check(ret, arena, err);
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

int allow_entry_add(struct db_conn *conn, const struct allow_entry *entry,
                    const struct decision_subject *subject, char ret_id[ALLOW_ENTRY_ID_SIZE],
                    struct error *err)
{
	const struct kind *kind = kind_of(entry->kind);
	random_hex(ret_id, ID_RANDOM_BYTES);
	const struct db_param params[] = {DB_TEXT(ret_id), DB_TEXT(entry->package),
	                                  DB_TEXT(entry->kind), DB_TEXT(entry->value),
	                                  DB_TEXT(entry->note)};

	if (db_exec(conn, &lock_entries, NULL, 0, err) < 0)
		return -err->code;
	int64_t added =
	        db_exec(conn, kind && kind->shared ? &add_shared : &add_own, params, 5, err);
	if (added <= 0)
		return (int)added;
	AUTO(free)
	char *note = xasprintf("%s %s (entry %s)%s%s", entry->kind, entry->value, ret_id,
	                       *entry->note ? ": " : "", entry->note);
	const struct baseline_decision decision = {entry->by, note};
	int failed = decisions_record(conn, "allow", subject, &decision, err);
	return failed ? failed : 1;
}

/* A change within its transaction. */
struct addition {
	const struct allow_entry *entry;
	char id[ALLOW_ENTRY_ID_SIZE];
	int added;
};

static int add(void *ctx, struct db_conn *conn, struct error *err)
{
	struct addition *addition = ctx;
	const struct allow_entry *entry = addition->entry;
	const struct decision_subject subject = {"", entry->package ? entry->package : "", "",
	                                         entry->value, ""};

	addition->added = allow_entry_add(conn, entry, &subject, addition->id, err);
	return addition->added < 0 ? addition->added : 0;
}

void allow_entry_write(struct json_writer *w, const struct allow_entry *entry, const char *id)
{
	LOG_INFO("allow entry added", LOG_STR("id", id), LOG_STR("kind", entry->kind),
	         LOG_STR("value", entry->value),
	         LOG_STR("package", entry->package ? entry->package : ""));
	json_member_string(w, "id", id);
	json_member_string(w, "scope", entry->package ? "package" : "global");
	json_member_string(w, "package", entry->package);
	json_member_string(w, "kind", entry->kind);
	json_member_string(w, "value", entry->value);
	json_member_string(w, "note", entry->note);
}

static void reply_added(struct http_request *request, const struct addition *addition)
{
	AUTO(buf) struct buf body;

	buf_init(&body, BODY_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	allow_entry_write(&w, addition->entry, addition->id);
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
	int rc = allow_entry_read(http_request_body(request), http_request_arena(request), &entry,
	                          &err);
	if (rc == 0 && *access_identity(request)->name)
		entry.by = access_identity(request)->name;
	if (rc == 0)
		rc = db_transaction(api->db, add, &addition, &err);
	if (rc < 0)
		failure_reply(&api->failures, request, &err);
	else if (addition.added == 0)
		http_reply_error(request, 409, "there is such an entry already");
	else
		reply_added(request, &addition);
}

struct disallowance {
	const char *id;
	struct baseline_decision decision;
	int64_t removed;
};

static int disallow(void *ctx, struct db_conn *conn, struct error *err)
{
	struct disallowance *d = ctx;
	const struct db_param params[] = {DB_TEXT(d->id)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &remove_entry, params, 1, err);

	if (!rows)
		return -err->code;
	d->removed = PQntuples(rows);
	for (int row = 0; row < PQntuples(rows); row++) {
		AUTO(free)
		char *note = xasprintf("%s %s (entry %s)", db_cell(rows, row, 1),
		                       db_cell(rows, row, 2), d->id);
		const struct decision_subject subject = {"", db_cell(rows, row, 0), "",
		                                         db_cell(rows, row, 2), ""};
		const struct baseline_decision decision = {d->decision.by, note};
		int failed = decisions_record(conn, "disallow", &subject, &decision, err);
		if (failed)
			return failed;
	}
	return 0;
}

void allow_entries_handle_remove(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct disallowance d = {.decision = {access_identity(request)->name, ""}};
	struct error err = {0};

	if (!params_none(request))
		return;
	d.id = lookup_id(ctx, request, LOOKUP_ALLOW_ENTRY);
	if (!d.id)
		return;
	int rc = db_transaction(api->db, disallow, &d, &err);
	change_reply_removed(ctx, request, "allow entry", d.id, rc < 0 ? rc : d.removed, &err);
}
