// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"
#include "model/proto.h"
#include "model/proto_wire.h"

_Static_assert(sizeof(enum proto_kind) == sizeof(unsigned), "an enum is accessed as unsigned");

static void write_varint(struct buf *out, uint64_t number)
{
	char bytes[PROTO_VARINT_MAX];
	size_t size = 0;
	for (; number >= PROTO_MORE; number >>= PROTO_VARINT_BITS)
		bytes[size++] = (char)(PROTO_MORE | (number & (PROTO_MORE - 1)));
	bytes[size++] = (char)number;
	buf_append(out, bytes, size);
}

static void write_tag(struct buf *out, uint32_t number, enum proto_wire_type type)
{
	write_varint(out, (uint64_t)number << PROTO_TYPE_BITS | type);
}

static void write_integer(struct buf *out, uint32_t number, uint64_t value)
{
	if (value == 0)
		return;
	write_tag(out, number, PROTO_VARINT);
	write_varint(out, value);
}

void proto_write_bytes(struct buf *out, uint32_t number, struct view bytes)
{
	write_tag(out, number, PROTO_DELIMITED);
	write_varint(out, bytes.size);
	buf_append_view(out, bytes);
}

static uint64_t zigzag(int32_t number)
{
	return (uint32_t)number << 1 ^ (uint32_t)(number >> 31);
}

static void write_optional(struct buf *out, uint32_t number, int32_t value)
{
	if (value == INT32_MIN)
		return;
	write_tag(out, number, PROTO_VARINT);
	write_varint(out, zigzag(value));
}

static void write_view(struct buf *out, const struct proto_field *field, struct view view)
{
	view = field->limit ? utf8_prefix(view, field->limit) : view;
	if (view.size)
		proto_write_bytes(out, field->number, view);
}

/* A reader refuses a text that is none, so what comes from outside is made one. */
static void write_text(struct buf *out, const struct proto_field *field, struct view text)
{
	struct arena arena;
	arena_init(&arena);
	write_view(out, field, utf8_storable(&arena, text));
	arena_release(&arena);
}

static void write_array(struct buf *out, const struct proto_field *field, const char *bytes)
{
	bool zero = true;
	for (size_t i = 0; i < field->limit; i++)
		zero = zero && bytes[i] == 0;
	if (!zero)
		proto_write_bytes(out, field->number, view_of(bytes, field->limit));
}

static void write_field(struct buf *out, const struct proto_field *field, const void *source)
{
	const void *at = (const char *)source + field->offset;
	switch (field->kind) {
	case PROTO_U8:
		write_integer(out, field->number, *(const uint8_t *)at);
		break;
	case PROTO_U16:
		write_integer(out, field->number, *(const uint16_t *)at);
		break;
	case PROTO_U32:
		write_integer(out, field->number, *(const uint32_t *)at);
		break;
	case PROTO_ENUM:
		write_integer(out, field->number, *(const unsigned *)at);
		break;
	case PROTO_U64:
	case PROTO_I64: /* in two's complement, as proto3's int64 */
		write_integer(out, field->number, *(const uint64_t *)at);
		break;
	case PROTO_S32:
		write_integer(out, field->number, zigzag(*(const int32_t *)at));
		break;
	case PROTO_S32_OPTIONAL:
		write_optional(out, field->number, *(const int32_t *)at);
		break;
	case PROTO_BOOL:
		write_integer(out, field->number, *(const bool *)at);
		break;
	case PROTO_BYTES:
		write_view(out, field, *(const struct view *)at);
		break;
	case PROTO_TEXT:
		write_text(out, field, *(const struct view *)at);
		break;
	case PROTO_ARRAY:
		write_array(out, field, at);
		break;
	case PROTO_REPEATED:
		field->write(out, field->number, source);
		break;
	}
}

void proto_write(struct buf *out, const struct proto_fields *fields, const void *source)
{
	for (size_t i = 0; i < fields->count; i++)
		write_field(out, &fields->list[i], source);
}

size_t proto_begin(struct buf *out, uint32_t number)
{
	write_tag(out, number, PROTO_DELIMITED);
	buf_append_char(out, 0); /* the size, when it fits one byte */
	return out->size;
}

void proto_end(struct buf *out, size_t mark)
{
	if (out->overflowed)
		return;
	uint64_t size = out->size - mark;
	size_t more = 0; /* bytes that the size needs beyond the one reserved */
	for (uint64_t rest = size; rest >= PROTO_MORE; rest >>= PROTO_VARINT_BITS)
		more++;
	if (more) {
		if (!buf_reserve(out, more))
			return;
		memmove(out->data + mark + more, out->data + mark, size);
		buf_advance(out, more);
	}
	char *at = out->data + mark - 1;
	for (; size >= PROTO_MORE; size >>= PROTO_VARINT_BITS)
		*at++ = (char)(PROTO_MORE | (size & (PROTO_MORE - 1)));
	*at = (char)size;
}
