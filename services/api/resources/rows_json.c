// SPDX-License-Identifier: Apache-2.0
#include "resources/rows_json.h"

#include "db/db.h"

/* PostgreSQL's fixed ids of these types. */
enum {
	TYPE_BOOL = 16,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_JSON = 114,
	TYPE_FLOAT4 = 700,
	TYPE_FLOAT8 = 701,
	TYPE_JSONB = 3802,
};

static void write_cell(struct json_writer *w, const PGresult *result, int row, int column)
{
	struct view text =
	        view_of(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));

	if (PQgetisnull(result, row, column)) {
		json_put_null(w);
		return;
	}
	switch (PQftype(result, column)) {
	case TYPE_BOOL:
		json_put_bool(w, view_is(text, "t"));
		break;
	case TYPE_INT8:
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
	case TYPE_JSON:
	case TYPE_JSONB:
		json_put_raw(w, text);
		break;
	default:
		json_put_view(w, text);
	}
}

void rows_write_members(struct json_writer *w, const PGresult *result, int row, int columns)
{
	for (int column = 0; column < columns; column++) {
		json_member(w, PQfname(result, column));
		write_cell(w, result, row, column);
	}
}

void rows_write_array(struct json_writer *w, const PGresult *result, int first, int end,
                      int columns)
{
	json_array(w);
	for (int row = first; row < end; row++) {
		json_object(w);
		rows_write_members(w, result, row, columns);
		json_end_object(w);
	}
	json_end_array(w);
}
