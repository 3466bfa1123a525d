// SPDX-License-Identifier: Apache-2.0
#include "packument.h"

#include <errno.h>
#include <stdbool.h>

#include "base/clock.h"
#include "model/job.h"
#include "json/json.h"
#include "json/json_pull.h"

enum {
	SCALAR_TEXT_MAX = 1024,    /* raw text of `latest` or a time */
	DIST_TEXT_MAX = 64 * 1024, /* raw text of a version's `dist` */
	TARBALL_URL_MAX = 2048,
	INTEGRITY_MAX = 1024,
	SHASUM_SIZE = 40,
};

/* What npm publishes in place of a package it removed as malware; also "0.0.1-security.1" and so
 * on. */
static const char security_version[] = "0.0.1-security";

const char *packument_state_name(enum packument_state state)
{
	switch (state) {
	case PACKUMENT_UNPUBLISHED:
		return "unpublished";
	case PACKUMENT_SECURITY_HELD:
		return "security_held";
	case PACKUMENT_LIVE:
		break;
	}
	return "";
}

static bool is_security_version(const char *version)
{
	size_t size = sizeof(security_version) - 1;

	return strncmp(version, security_version, size) == 0 &&
	       (version[size] == '\0' || version[size] == '.');
}

static bool is_printable_ascii(const char *text)
{
	for (; *text; text++)
		if (*text < '!' || *text > '~')
			return false;
	return true;
}

/* Cuts the values of `count` keys out of an object in one pass, without a tree of the rest: a
 * document has up to tens of megabytes, of which a poll needs four strings. values[i] is the raw
 * text of keys[i], empty when it is absent. */
static int cut_members(struct view object, const char *const *keys, struct view *values,
                       size_t count, struct arena *arena, struct error *err)
{
	struct json_pull pull;
	struct view key, value;
	int more;

	for (size_t i = 0; i < count; i++)
		values[i] = (struct view){0};
	json_pull_init(&pull, object);
	int rc = json_pull_object(&pull, err);
	while (rc == 0 && (more = json_pull_key(&pull, arena, &key, err)) != 0) {
		rc = more < 0 ? more : json_pull_raw(&pull, &value, err);
		for (size_t i = 0; rc == 0 && i < count; i++)
			if (view_is(key, keys[i]))
				values[i] = value;
	}
	return rc;
}

static int cut_member(struct view object, const char *key, struct view *ret_value,
                      struct arena *arena, struct error *err)
{
	return cut_members(object, &key, ret_value, 1, arena, err);
}

/* A raw string value, decoded; "" when it is absent, no string, too long or not printable. */
static const char *decode_text(struct view raw, struct arena *arena)
{
	if (raw.size == 0 || raw.size > SCALAR_TEXT_MAX)
		return "";
	AUTO(json) struct json *value = json_parse(raw, true, NULL);
	const char *text = json_string(value, "");
	return is_printable_ascii(text) ? arena_strdup(arena, text) : "";
}

/* A member of `dist`; what does not fit is left out, since nothing depends on it being there. */
static const char *dist_text(const struct json *dist, const char *key, size_t max,
                             struct arena *arena)
{
	const char *text = json_string(json_get(dist, key), "");
	if (strlen(text) > max || !is_printable_ascii(text))
		return "";
	return arena_strdup(arena, text);
}

static bool is_hex(const char *text)
{
	return text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

static int read_dist(struct view version, struct arena *arena, struct packument *ret,
                     struct error *err)
{
	struct view raw;
	if (cut_member(version, "dist", &raw, arena, err) < 0)
		return error_wrap(err, "version '%s'", ret->latest);
	if (raw.size == 0)
		return error_set(err, EPROTO, "version '%s' has no 'dist'", ret->latest);
	if (raw.size > DIST_TEXT_MAX)
		return error_set(err, EPROTO, "'dist' of version '%s' is longer than %d bytes",
		                 ret->latest, DIST_TEXT_MAX);
	AUTO(json) struct json *dist = json_parse(raw, true, err);
	if (!dist)
		return error_wrap(err, "'dist' of version '%s'", ret->latest);

	ret->tarball_url = dist_text(dist, "tarball", TARBALL_URL_MAX, arena);
	ret->integrity = dist_text(dist, "integrity", INTEGRITY_MAX, arena);
	ret->shasum = dist_text(dist, "shasum", SHASUM_SIZE, arena);
	if (strlen(ret->shasum) != SHASUM_SIZE || !is_hex(ret->shasum))
		ret->shasum = "";
	return 0;
}

/* What the document says about all versions, in raw text. */
struct outline {
	struct view versions;
	struct view unpublished; /* time.unpublished */
	struct view published;   /* time of `latest` */
	const char *latest;      /* "" when there is none */
};

static int read_outline(struct view body, struct arena *arena, struct outline *ret,
                        struct error *err)
{
	static const char *const top_keys[] = {"dist-tags", "versions", "time"};
	struct view top[3], latest = {0}, times[2] = {{0}, {0}};

	int rc = cut_members(body, top_keys, top, 3, arena, err);
	if (rc == 0 && top[0].size)
		rc = cut_member(top[0], "latest", &latest, arena, err);
	const char *const time_keys[] = {"unpublished", decode_text(latest, arena)};
	if (rc == 0 && top[2].size && *top[2].data == '{')
		rc = cut_members(top[2], time_keys, times, 2, arena, err);
	if (rc == 0)
		*ret = (struct outline){top[1], times[0], times[1], time_keys[1]};
	return rc;
}

static int read_live(const struct outline *outline, struct arena *arena, struct packument *ret,
                     struct error *err)
{
	struct view version = {0};

	if (!package_version_valid(outline->latest))
		return error_set(err, EPROTO, "'latest' is not a version: '%s'", outline->latest);
	if (outline->versions.size &&
	    cut_member(outline->versions, outline->latest, &version, arena, err) < 0)
		return error_wrap(err, "'versions'");
	if (version.size == 0)
		return error_set(err, EPROTO, "'latest' names version '%s', which is not listed",
		                 outline->latest);
	ret->latest = outline->latest;
	if (!clock_parse_rfc3339(view_of_string(decode_text(outline->published, arena)),
	                         &ret->published_at_ns))
		ret->published_at_ns = INT64_MIN;
	return read_dist(version, arena, ret, err);
}

int packument_read(struct view body, struct arena *arena, struct packument *ret, struct error *err)
{
	struct outline outline = {.latest = ""};
	int rc = read_outline(body, arena, &outline, err);
	if (rc < 0)
		return rc;

	*ret = (struct packument){.latest = "", .tarball_url = "", .shasum = "", .integrity = ""};
	if (*outline.latest == '\0') {
		if (outline.unpublished.size == 0)
			return error_set(err, EPROTO,
			                 "the document has no usable 'dist-tags.latest'");
		ret->state = PACKUMENT_UNPUBLISHED;
		return 0;
	}
	if (is_security_version(outline.latest)) {
		ret->state = PACKUMENT_SECURITY_HELD;
		return 0;
	}
	return read_live(&outline, arena, ret, err);
}
