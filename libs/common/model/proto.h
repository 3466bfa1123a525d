// SPDX-License-Identifier: Apache-2.0
/*
 * The wire format of Protocol Buffers (proto3) by table: one row per field says its number, its
 * type and where it lives in a struct, and serves writing and reading alike.
 *
 * Writing gives the canonical encoding (defaults left out, shortest varints). Reading does not copy
 * (views point into the message), skips unknown fields and those of another wire type, takes fields
 * in any order with the last one winning, and checks every number's range.
 */
#ifndef FANGS_MODEL_PROTO_H
#define FANGS_MODEL_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"

enum proto_kind {
	PROTO_U8, /* uint32 on the wire, as are U16 and ENUM */
	PROTO_U16,
	PROTO_U32,
	PROTO_U64,
	PROTO_ENUM,         /* of the compiler's size for an enum; `limit` is its largest value */
	PROTO_I64,          /* int64 */
	PROTO_S32,          /* sint32 */
	PROTO_S32_OPTIONAL, /* optional sint32; INT32_MIN is "not there" */
	PROTO_BOOL,
	PROTO_BYTES,    /* struct view of any bytes, cut at `limit` unless that is 0 */
	PROTO_TEXT,     /* struct view of what a PostgreSQL text can hold, at most `limit` bytes */
	PROTO_ARRAY,    /* uint8_t[limit], left out when all zeros, padded when short */
	PROTO_REPEATED, /* append() and write() */
};

struct proto_field {
	uint32_t number;
	enum proto_kind kind;
	size_t offset;
	size_t limit;
	/* Of REPEATED: takes one element into the target; writes all of the source's. */
	int (*append)(void *target, struct view element, struct error *err);
	void (*write)(struct buf *out, uint32_t number, const void *source);
};

struct proto_fields {
	const struct proto_field *list; /* by ascending number */
	size_t count;
};

#define PROTO_FIELD(field_number, field_kind, type, member)                                        \
	{                                                                                          \
		.number = (field_number), .kind = PROTO_##field_kind,                              \
		.offset = offsetof(type, member)                                                   \
	}
#define PROTO_LIMITED(field_number, field_kind, type, member, max)                                 \
	{                                                                                          \
		.number = (field_number), .kind = PROTO_##field_kind,                              \
		.offset = offsetof(type, member), .limit = (max)                                   \
	}
#define PROTO_EACH(field_number, append_function, write_function)                                  \
	{                                                                                          \
		.number = (field_number), .kind = PROTO_REPEATED, .append = (append_function),     \
		.write = (write_function)                                                          \
	}
#define PROTO_FIELDS(rows)                                                                         \
	{                                                                                          \
		.list = (rows), .count = sizeof(rows) / sizeof((rows)[0])                          \
	}

/* Writing. After an overflow of the buffer its content is of no use. */
void proto_write(struct buf *out, const struct proto_fields *fields, const void *source);
void proto_write_bytes(struct buf *out, uint32_t number, struct view bytes); /* also when empty */

/* A nested message: what is appended between begin and end is its content. */
size_t proto_begin(struct buf *out, uint32_t number);
void proto_end(struct buf *out, size_t mark);

/* Reading: fills `*target`, which holds the defaults. Negative: malformed (DROP). */
int proto_read(struct view message, const struct proto_fields *fields, void *target,
               struct error *err);

/* Reading field by field: takes one from `*rest`. 1: `*ret` is filled; 0: end; negative: malformed
 * (DROP). */
struct proto_value {
	uint32_t number;
	bool is_bytes;
	uint64_t integer; /* unless is_bytes */
	struct view bytes;
};
int proto_next(struct view *rest, struct proto_value *ret, struct error *err);

#endif
