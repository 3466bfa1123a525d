// SPDX-License-Identifier: Apache-2.0
/* Parameters and result cells. */
#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "db/db.h"

const char *db_format_int(struct db_int_text *scratch, int64_t number)
{
	(void)snprintf(scratch->text, sizeof(scratch->text), "%lld", (long long)number);
	return scratch->text;
}

char *db_text_array(const char *const *items, size_t count)
{
	struct buf buf;
	buf_init(&buf, SIZE_MAX / 2);
	buf_append_char(&buf, '{');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_append_char(&buf, ',');
		if (!items[i]) {
			buf_append_string(&buf, "NULL");
			continue;
		}
		buf_append_char(&buf, '"');
		for (const char *c = items[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				buf_append_char(&buf, '\\');
			buf_append_char(&buf, *c);
		}
		buf_append_char(&buf, '"');
	}
	buf_append_char(&buf, '}');
	return buf_detach(&buf);
}

/* The binary form of a one-dimensional array: dimensions, "has nulls", element type, length,
 * lower bound, then each element as length and bytes. */
struct array_header {
	uint32_t dimensions, has_nulls, element_oid, length, lower_bound;
};

static void append_u32(struct buf *buf, uint32_t number)
{
	number = htonl(number);
	buf_append(buf, &number, sizeof(number));
}

void db_array_init(struct db_array *array, enum db_array_type type)
{
	buf_init(&array->buf, DB_ARRAY_MAX_BYTES);
	array->count = 0;
	append_u32(&array->buf, 1);
	append_u32(&array->buf, 0);
	append_u32(&array->buf, (uint32_t)type);
	append_u32(&array->buf, 0);
	append_u32(&array->buf, 1);
}

void db_array_release(struct db_array *array)
{
	buf_release(&array->buf);
}

void db_array_add(struct db_array *array, struct view element)
{
	if (element.size > INT_MAX) {
		array->buf.overflowed = true;
		return;
	}
	append_u32(&array->buf, (uint32_t)element.size);
	buf_append_view(&array->buf, element);
	array->count++;
}

void db_array_add_null(struct db_array *array)
{
	append_u32(&array->buf, UINT32_MAX);
	array->count++;
}

void db_array_add_int8(struct db_array *array, int64_t number)
{
	uint32_t words[2] = {htonl((uint32_t)((uint64_t)number >> 32)), htonl((uint32_t)number)};
	db_array_add(array, view_of(words, sizeof(words)));
}

void db_array_add_int4(struct db_array *array, int32_t number)
{
	uint32_t word = htonl((uint32_t)number);
	db_array_add(array, view_of(&word, sizeof(word)));
}

struct db_param db_array_param(struct db_array *array)
{
	/* Nulls are announced always: the server only checks the flag for being 0 or 1. An empty
	 * array has no dimensions. */
	struct array_header *header = (void *)array->buf.data;
	header->has_nulls = htonl(1);
	header->length = htonl((uint32_t)array->count);
	if (array->count == 0) {
		header->dimensions = 0;
		return DB_BYTES(array->buf.data, offsetof(struct array_header, length));
	}
	header->dimensions = htonl(1);
	return DB_BYTES(array->buf.data, array->buf.size);
}

const char *db_cell(const PGresult *result, int row, int column)
{
	return PQgetvalue(result, row, column);
}

bool db_cell_null(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) == 1;
}

int64_t db_cell_int(const PGresult *result, int row, int column)
{
	int64_t number = 0;
	(void)view_to_i64(
	        view_of(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)),
	        &number);
	return number;
}

bool db_cell_bool(const PGresult *result, int row, int column)
{
	return PQgetvalue(result, row, column)[0] == 't';
}

struct view db_cell_bytes(const PGresult *result, int row, int column)
{
	return view_of(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}

int64_t db_cell_binary_int(const PGresult *result, int row, int column)
{
	struct view bytes = db_cell_bytes(result, row, column);
	uint64_t number = 0;
	for (size_t i = 0; i < bytes.size; i++)
		number = number << 8 | (unsigned char)bytes.data[i];
	return bytes.size == sizeof(int32_t) ? (int32_t)number : (int64_t)number;
}
