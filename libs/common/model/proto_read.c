// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/utf8.h"
#include "model/proto.h"
#include "model/proto_wire.h"

static int malformed(struct error *err, const char *what)
{
	return error_set(err, EBADMSG, "malformed message: %s", what);
}

static int out_of_range(struct error *err, uint32_t number)
{
	return error_set(err, EBADMSG, "malformed message: field %u is out of range", number);
}

static int read_long_varint(struct view *rest, uint64_t *ret, struct error *err)
{
	uint64_t number = 0;
	for (size_t i = 0; i < rest->size && i < PROTO_VARINT_MAX; i++) {
		uint64_t byte = (unsigned char)rest->data[i];
		if (i == PROTO_VARINT_MAX - 1 && byte > 1)
			break;
		number |= (byte & (PROTO_MORE - 1)) << (i * PROTO_VARINT_BITS);
		if (byte < PROTO_MORE) {
			*rest = view_of(rest->data + i + 1, rest->size - i - 1);
			*ret = number;
			return 0;
		}
	}
	return malformed(err, "bad varint");
}

/* Almost all are of one byte. */
static inline int read_varint(struct view *rest, uint64_t *ret, struct error *err)
{
	if (rest->size == 0 || (unsigned char)rest->data[0] >= PROTO_MORE)
		return read_long_varint(rest, ret, err);
	*ret = (unsigned char)rest->data[0];
	*rest = view_of(rest->data + 1, rest->size - 1);
	return 0;
}

static int take(struct view *rest, uint64_t size, struct view *ret, struct error *err)
{
	if (size > rest->size)
		return malformed(err, "a field reaches past the end");
	*ret = view_of(rest->data, size);
	*rest = view_of(rest->data + size, rest->size - size);
	return 0;
}

static int take_fixed(struct view *rest, size_t size, uint64_t *ret, struct error *err)
{
	struct view bytes = {NULL, 0};
	int rc = take(rest, size, &bytes, err);
	if (rc < 0)
		return rc;
	*ret = 0;
	for (size_t i = 0; i < bytes.size; i++)
		*ret |= (uint64_t)(unsigned char)bytes.data[i] << (8 * i);
	return 0;
}

int proto_next(struct view *rest, struct proto_value *ret, struct error *err)
{
	if (rest->size == 0)
		return 0;
	uint64_t tag = 0;
	int rc = read_varint(rest, &tag, err);
	if (rc < 0)
		return rc;
	uint64_t number = tag >> PROTO_TYPE_BITS;
	if (number == 0 || number > PROTO_NUMBER_MAX)
		return malformed(err, "bad field number");
	enum { TYPE_MASK = (1 << PROTO_TYPE_BITS) - 1 };
	uint64_t size = 0;
	*ret = (struct proto_value){.number = (uint32_t)number};
	switch (tag & TYPE_MASK) {
	case PROTO_VARINT:
		rc = read_varint(rest, &ret->integer, err);
		break;
	case PROTO_FIXED64:
		rc = take_fixed(rest, sizeof(uint64_t), &ret->integer, err);
		break;
	case PROTO_FIXED32:
		rc = take_fixed(rest, sizeof(uint32_t), &ret->integer, err);
		break;
	case PROTO_DELIMITED:
		ret->is_bytes = true;
		rc = read_varint(rest, &size, err);
		if (rc == 0)
			rc = take(rest, size, &ret->bytes, err);
		break;
	default:
		return malformed(err, "unknown wire type");
	}
	return rc < 0 ? rc : 1;
}

static bool takes_bytes(enum proto_kind kind)
{
	return kind >= PROTO_BYTES;
}

static int store_signed(void *at, const struct proto_value *value, struct error *err)
{
	if (value->integer > UINT32_MAX)
		return out_of_range(err, value->number);
	uint32_t zigzag = (uint32_t)value->integer;
	*(int32_t *)at = (int32_t)(zigzag >> 1 ^ (0 - (zigzag & 1)));
	return 0;
}

static int store_integer(const struct proto_field *field, void *at, const struct proto_value *value,
                         struct error *err)
{
	uint64_t number = value->integer;
	switch (field->kind) {
	case PROTO_U8:
		if (number > UINT8_MAX)
			return out_of_range(err, field->number);
		*(uint8_t *)at = (uint8_t)number;
		break;
	case PROTO_U16:
		if (number > UINT16_MAX)
			return out_of_range(err, field->number);
		*(uint16_t *)at = (uint16_t)number;
		break;
	case PROTO_U32:
		if (number > UINT32_MAX)
			return out_of_range(err, field->number);
		*(uint32_t *)at = (uint32_t)number;
		break;
	case PROTO_ENUM:
		if (number > field->limit)
			return out_of_range(err, field->number);
		*(unsigned *)at = (unsigned)number;
		break;
	case PROTO_S32:
	case PROTO_S32_OPTIONAL:
		return store_signed(at, value, err);
	case PROTO_BOOL:
		*(bool *)at = number != 0;
		break;
	default:
		*(uint64_t *)at = number;
		break;
	}
	return 0;
}

static int store_bytes(const struct proto_field *field, void *target, struct view bytes,
                       struct error *err)
{
	void *at = (char *)target + field->offset;
	switch (field->kind) {
	case PROTO_TEXT:
		if (bytes.size > field->limit || !utf8_is_valid(bytes) ||
		    (bytes.size && memchr(bytes.data, '\0', bytes.size)))
			return out_of_range(err, field->number);
		*(struct view *)at = bytes;
		return 0;
	case PROTO_ARRAY:
		if (bytes.size > field->limit)
			return out_of_range(err, field->number);
		memset(at, 0, field->limit);
		if (bytes.size)
			memcpy(at, bytes.data, bytes.size);
		return 0;
	case PROTO_REPEATED:
		return field->append(target, bytes, err);
	default:
		*(struct view *)at = field->limit ? utf8_prefix(bytes, field->limit) : bytes;
		return 0;
	}
}

/* Fields come in ascending order from every encoder that there is, so the search goes on behind the
 * last one found (`*hint`). */
static const struct proto_field *find_field(const struct proto_fields *fields, uint32_t number,
                                            size_t *hint)
{
	size_t at = *hint;
	for (size_t i = 0; i < fields->count; i++) {
		if (fields->list[at].number == number) {
			*hint = at;
			return &fields->list[at];
		}
		if (++at == fields->count)
			at = 0;
	}
	return NULL;
}

int proto_read(struct view message, const struct proto_fields *fields, void *target,
               struct error *err)
{
	struct proto_value value = {.number = 0};
	size_t hint = 0;
	int more;
	while ((more = proto_next(&message, &value, err)) > 0) {
		const struct proto_field *field = find_field(fields, value.number, &hint);
		int rc = 0;
		if (!field || takes_bytes(field->kind) != value.is_bytes)
			continue;
		if (value.is_bytes)
			rc = store_bytes(field, target, value.bytes, err);
		else
			rc = store_integer(field, (char *)target + field->offset, &value, err);
		if (rc < 0)
			return rc;
	}
	return more;
}
