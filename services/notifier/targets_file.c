// SPDX-License-Identifier: Apache-2.0
#include "targets_file.h"

#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "log/log.h"
#include "model/severity.h"
#include "render.h"
#include "target_url.h"
#include "webhook_headers.h"
#include "json/json.h"
#include "json/json_writer.h"

enum {
	FILE_MAX = 1 << 20,
	TARGETS_MAX = 1000,
	HEADERS_TEXT_MAX = 64 * 1024,
};

/* Where an error is. */
struct place {
	const char *file;
	size_t entry; /* from 1 */
};

__attribute__((format(printf, 3, 4))) static int fail(const struct place *place, struct error *err,
                                                      const char *format, ...)
{
	struct error what = {0};
	AUTO(buf) struct buf text;
	va_list args;

	buf_init(&text, ERROR_TEXT_MAX);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	(void)error_set_class(&what, ERROR_FATAL, EINVAL, "%s entry %zu: %s", place->file,
	                      place->entry, text.data);
	*err = what;
	return -EINVAL;
}

/* A string member; absent and null count as "". NULL (and `*err`) on another type. */
static const char *text_member(const struct json *entry, const char *key, struct arena *arena,
                               const struct place *place, struct error *err)
{
	const struct json *value = json_get(entry, key);

	if (value && !json_is_string(value)) {
		(void)fail(place, err, "'%s' must be a string", key);
		return NULL;
	}
	return arena_strdup(arena, json_string(value, ""));
}

static int compare_keys(const void *a, const void *b)
{
	const struct json *const *left = a, *const *right = b;
	return strcmp(json_key(*left), json_key(*right));
}

/* Stored with sorted keys, as the existing system does. */
static const char *sorted_headers(const struct json *headers, struct arena *arena)
{
	size_t count = json_count(headers), at = 0;
	const struct json **members = arena_alloc(arena, count + 1, sizeof(struct json *));
	AUTO(buf) struct buf text;

	buf_init(&text, HEADERS_TEXT_MAX);
	for (const struct json *m = json_first(headers); m; m = json_next(m))
		members[at++] = m;
	qsort(members, count, sizeof(struct json *), compare_keys);
	struct json_writer w = json_writer_on(&text);
	json_object(&w);
	for (size_t i = 0; i < count; i++)
		json_member_string(&w, json_key(members[i]), json_string(members[i], ""));
	json_end_object(&w);
	return arena_strdup(arena, text.data);
}

static int read_headers(const struct json *entry, struct arena *arena, struct target *ret,
                        const struct place *place, struct error *err)
{
	const struct json *value = json_get(entry, "headers");
	struct webhook_headers probe = {.count = 0};
	struct error why = {0};

	ret->headers = "";
	if (!value)
		return 0;
	AUTO(free) char *text = json_to_text(value);
	if (webhook_headers_set_json(&probe, text, arena, &why) < 0)
		return fail(place, err, "%s", why.text);
	if (json_count(value) > 0)
		ret->headers = sorted_headers(value, arena);
	return 0;
}

static int check_words(const struct target *target, const struct place *place, struct error *err)
{
	enum severity ignored;
	struct error why = {0};

	if (!*target->name || !*target->url || !*target->template)
		return fail(place, err, "name/url/template are required");
	if (!template_find(target->template))
		return fail(place, err, "unknown template '%s' (generic, slack, discord)",
		            target->template);
	if (target_url_check(target->url, &why) < 0)
		return fail(place, err, "%s", why.text);
	if (*target->min_severity && !severity_parse(target->min_severity, &ignored))
		return fail(place, err, "unknown min_severity '%s' (info, warn, crit)",
		            target->min_severity);
	return 0;
}

static int check_keys(const struct json *entry, const struct place *place, struct error *err)
{
	static const char *const known[] = {"name",    "url",          "template", "secret_env",
	                                    "headers", "min_severity", "enabled"};

	for (const struct json *member = json_first(entry); member; member = json_next(member)) {
		size_t i = 0;
		while (i < sizeof(known) / sizeof(known[0]) &&
		       strcmp(json_key(member), known[i]) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return fail(place, err, "unknown key '%s'", json_key(member));
	}
	return 0;
}

static int read_entry(const struct json *entry, struct arena *arena, struct target *ret,
                      const struct place *place, struct error *err)
{
	const struct json *enabled = json_get(entry, "enabled");
	const struct {
		const char *key;
		const char **field;
	} texts[] = {
	        {"name", &ret->name},
	        {"url", &ret->url},
	        {"template", &ret->template},
	        {"secret_env", &ret->secret_env},
	        {"min_severity", &ret->min_severity},
	};

	if (!json_is_object(entry))
		return fail(place, err, "is not an object");
	if (check_keys(entry, place, err) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i].field = text_member(entry, texts[i].key, arena, place, err);
		if (!*texts[i].field)
			return -EINVAL;
	}
	if (enabled && !json_is_bool(enabled))
		return fail(place, err, "'enabled' must be true or false");
	ret->enabled = json_bool(enabled, true);
	if (check_words(ret, place, err) < 0)
		return -EINVAL;
	return read_headers(entry, arena, ret, place, err);
}

static int refuse_file(const char *name, const char *why, struct error *err)
{
	return error_set_class(err, ERROR_FATAL, EINVAL, "%s: %s", name, why);
}

int targets_read(const char *name, struct view json, struct arena *arena, struct targets *ret,
                 struct error *err)
{
	struct error why = {0};

	if (view_trim(json).size == 0)
		return refuse_file(name, "the file is empty; write [] for no notifiers", err);
	AUTO(json) struct json *root = json_parse(json, true, &why);
	if (!root)
		return refuse_file(name, why.text, err);
	const struct json *list = json_is_object(root) ? json_get(root, "notifiers") : root;
	if (!json_is_array(list))
		return refuse_file(name,
		                   "must be a list of notifiers, or an object with the list "
		                   "\"notifiers\"",
		                   err);
	if (json_count(list) > TARGETS_MAX)
		return refuse_file(name, "more than 1000 notifiers", err);

	struct place place = {.file = name};
	ret->items = arena_alloc(arena, json_count(list) + 1, sizeof(*ret->items));
	ret->count = 0;
	for (const struct json *entry = json_first(list); entry; entry = json_next(entry)) {
		place.entry = ret->count + 1;
		if (read_entry(entry, arena, &ret->items[ret->count++], &place, err) < 0)
			return -EINVAL;
	}
	return 0;
}

static int upsert_all(void *ctx, struct db_conn *conn, struct error *err)
{
	const struct targets *targets = ctx;

	for (size_t i = 0; i < targets->count; i++) {
		int rc = query_upsert_target(conn, &targets->items[i], err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int targets_file_apply(struct db *db, const char *path, struct error *err)
{
	struct targets targets;
	struct arena arena;
	AUTO(buf) struct buf text;

	buf_init(&text, FILE_MAX);
	if (file_read(path, &text, err) < 0) {
		err->class = ERROR_FATAL;
		return -err->code;
	}
	arena_init(&arena);
	int rc = targets_read(path, buf_view(&text), &arena, &targets, err);
	if (rc == 0)
		rc = db_transaction(db, upsert_all, &targets, err);
	if (rc == 0)
		LOG_INFO("notifiers read", LOG_STR("file", path), LOG_INT("count", targets.count));
	arena_release(&arena);
	return rc;
}
