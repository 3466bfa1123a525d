// SPDX-License-Identifier: Apache-2.0
/*
 * Structs from JSON objects by table: one row per key says where the value goes and what it has to
 * be. The rules are those of Go's decoder, which the wire's other ends are built with: keys match
 * ignoring ASCII case (exactly first), unknown keys are passed over, of duplicates the last wins,
 * null leaves a field as it was, a value of another type or range is an error.
 *
 * The caller fills the target with defaults first. Errors name the field and the offset.
 */
#ifndef FANGS_JSON_JSON_FIELDS_H
#define FANGS_JSON_JSON_FIELDS_H

#include <stddef.h>

#include "json/json_pull.h"

enum json_field_kind {
	JSON_FIELD_SKIP, /* known, not kept */
	JSON_FIELD_U8,
	JSON_FIELD_U16,
	JSON_FIELD_U32,
	JSON_FIELD_U64,
	JSON_FIELD_I32,
	JSON_FIELD_I64,
	JSON_FIELD_BOOL,
	JSON_FIELD_FLAG,   /* a number into a bool: not 0 */
	JSON_FIELD_TEXT,   /* struct view, as json_pull_string() returns it */
	JSON_FIELD_STRING, /* const char *, in the arena; must not hold U+0000 */
	JSON_FIELD_TIME,   /* int64_t Unix ns from an RFC 3339 string */
	JSON_FIELD_BYTES,  /* uint8_t[size] from an array of integers */
	JSON_FIELD_RAW,    /* struct view: the value's own text */
	JSON_FIELD_OBJECT, /* a nested table whose offsets count from the same target */
	JSON_FIELD_CUSTOM, /* read() */
};

struct json_fields;

/* Reads the value that `pull` stands at (never null) into the whole target. */
typedef int (*json_field_read)(struct json_pull *pull, void *target, struct arena *arena,
                               struct error *err);

struct json_field {
	const char *key;
	size_t key_size;
	enum json_field_kind kind;
	size_t offset; /* in the target */
	size_t size;   /* of BYTES */
	const struct json_fields *fields;
	json_field_read read;
};

struct json_fields {
	const struct json_field *list;
	size_t count;
};

/* Rows. `member` may be a path ("process.pid"). */
#define JSON_FIELD(name, field_kind, type, member)                                                 \
	{                                                                                          \
		.key = (name), .key_size = sizeof(name) - 1, .kind = JSON_FIELD_##field_kind,      \
		.offset = offsetof(type, member), .size = sizeof(((type *)0)->member)              \
	}
#define JSON_FIELD_IGNORED(name)                                                                   \
	{                                                                                          \
		.key = (name), .key_size = sizeof(name) - 1, .kind = JSON_FIELD_SKIP               \
	}
#define JSON_FIELD_NESTED(name, table)                                                             \
	{                                                                                          \
		.key = (name), .key_size = sizeof(name) - 1, .kind = JSON_FIELD_OBJECT,            \
		.fields = &(table)                                                                 \
	}
#define JSON_FIELD_BY(name, function)                                                              \
	{                                                                                          \
		.key = (name), .key_size = sizeof(name) - 1, .kind = JSON_FIELD_CUSTOM,            \
		.read = (function)                                                                 \
	}
#define JSON_FIELDS(rows)                                                                          \
	{                                                                                          \
		.list = (rows), .count = sizeof(rows) / sizeof((rows)[0])                          \
	}

/* Reads the object that `pull` stands at; null reads nothing. */
int json_read_fields(struct json_pull *pull, const struct json_fields *fields, void *target,
                     struct arena *arena, struct error *err);

/* Reads the first value of a document; what is behind it is not looked at. */
int json_read_document(struct view text, const struct json_fields *fields, void *target,
                       struct arena *arena, struct error *err);

#endif
