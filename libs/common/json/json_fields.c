// SPDX-License-Identifier: Apache-2.0
#include "json/json_fields.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

static bool key_is(const struct json_field *field, struct view key)
{
	return field->key_size == key.size && memcmp(field->key, key.data, key.size) == 0;
}

/* The row of a key. Objects of one kind come with their keys in one order, so the row behind the
 * last one found (`*hint`) is tried first. */
static const struct json_field *find_field(const struct json_fields *fields, struct view key,
                                           size_t *hint)
{
	if (*hint < fields->count && key_is(&fields->list[*hint], key))
		return &fields->list[(*hint)++];
	const struct json_field *found = NULL;
	for (size_t i = 0; i < fields->count; i++) {
		const struct json_field *field = &fields->list[i];
		if (field->key_size != key.size)
			continue;
		if (key_is(field, key)) {
			*hint = i + 1;
			return field;
		}
		if (!found && view_equal_ignoring_case(view_of(field->key, field->key_size), key))
			found = field;
	}
	return found;
}

static int read_unsigned(struct json_pull *pull, const struct json_field *field, void *at,
                         struct error *err)
{
	static const uint64_t limits[] = {
	        [JSON_FIELD_U8] = UINT8_MAX,
	        [JSON_FIELD_U16] = UINT16_MAX,
	        [JSON_FIELD_U32] = UINT32_MAX,
	        [JSON_FIELD_U64] = UINT64_MAX,
	};
	uint64_t number = 0;
	int rc = json_pull_u64(pull, limits[field->kind], &number, err);
	if (rc < 0)
		return rc;
	switch (field->kind) {
	case JSON_FIELD_U8:
		*(uint8_t *)at = (uint8_t)number;
		break;
	case JSON_FIELD_U16:
		*(uint16_t *)at = (uint16_t)number;
		break;
	case JSON_FIELD_U32:
		*(uint32_t *)at = (uint32_t)number;
		break;
	default:
		*(uint64_t *)at = number;
		break;
	}
	return 0;
}

static int read_signed(struct json_pull *pull, const struct json_field *field, void *at,
                       struct error *err)
{
	bool narrow = field->kind == JSON_FIELD_I32;
	int64_t number = 0;
	int rc = json_pull_i64(pull, narrow ? INT32_MIN : INT64_MIN, narrow ? INT32_MAX : INT64_MAX,
	                       &number, err);
	if (rc < 0)
		return rc;
	if (narrow)
		*(int32_t *)at = (int32_t)number;
	else
		*(int64_t *)at = number;
	return 0;
}

static int read_flag(struct json_pull *pull, bool *flag, struct error *err)
{
	uint64_t number = 0;
	int rc = json_pull_u64(pull, UINT64_MAX, &number, err);
	if (rc == 0)
		*flag = number != 0;
	return rc;
}

static int read_time(struct json_pull *pull, int64_t *at, struct arena *arena, struct error *err)
{
	struct json_pull before = *pull;
	struct view text;
	int rc = json_pull_string(pull, arena, &text, err);
	if (rc < 0)
		return rc;
	if (!clock_parse_rfc3339(text, at))
		return json_pull_fail(&before, err, "expected an RFC 3339 time");
	return 0;
}

static int read_value(struct json_pull *pull, const struct json_field *field, void *target,
                      struct arena *arena, struct error *err)
{
	void *at = (char *)target + field->offset;
	switch (field->kind) {
	case JSON_FIELD_U8:
	case JSON_FIELD_U16:
	case JSON_FIELD_U32:
	case JSON_FIELD_U64:
		return read_unsigned(pull, field, at, err);
	case JSON_FIELD_I32:
	case JSON_FIELD_I64:
		return read_signed(pull, field, at, err);
	case JSON_FIELD_BOOL:
		return json_pull_bool(pull, at, err);
	case JSON_FIELD_FLAG:
		return read_flag(pull, at, err);
	case JSON_FIELD_TEXT:
		return json_pull_string(pull, arena, at, err);
	case JSON_FIELD_STRING:
		return json_pull_cstring(pull, arena, at, err);
	case JSON_FIELD_TIME:
		return read_time(pull, at, arena, err);
	case JSON_FIELD_BYTES:
		return json_pull_bytes(pull, at, field->size, err);
	case JSON_FIELD_RAW:
		return json_pull_raw(pull, at, err);
	case JSON_FIELD_OBJECT:
		return json_read_fields(pull, field->fields, target, arena, err);
	case JSON_FIELD_CUSTOM:
		return field->read(pull, target, arena, err);
	case JSON_FIELD_SKIP:
		break;
	}
	return json_pull_skip(pull, err);
}

int json_read_fields(struct json_pull *pull, const struct json_fields *fields, void *target,
                     struct arena *arena, struct error *err)
{
	if (json_pull_null(pull))
		return 0;
	int more = json_pull_object(pull, err);
	if (more < 0)
		return more;
	struct view key;
	size_t hint = 0;
	while ((more = json_pull_key(pull, arena, &key, err)) > 0) {
		const struct json_field *field = find_field(fields, key, &hint);
		int rc = 0;
		if (!field)
			rc = json_pull_skip(pull, err);
		else if (!json_pull_null(pull))
			rc = read_value(pull, field, target, arena, err);
		if (rc < 0)
			return field ? error_wrap(err, "%s", field->key) : rc;
	}
	return more;
}

int json_read_document(struct view text, const struct json_fields *fields, void *target,
                       struct arena *arena, struct error *err)
{
	struct json_pull pull;
	json_pull_init(&pull, text);
	return json_read_fields(&pull, fields, target, arena, err);
}
