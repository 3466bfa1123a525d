// SPDX-License-Identifier: Apache-2.0
/*
 * How commands show documents of the gateway: the document itself with `-o json`, otherwise a table
 * whose columns name members, or lines of "name: value".
 */
#ifndef FANGS_CLI_OUTPUT_H
#define FANGS_CLI_OUTPUT_H

#include "command.h"
#include "table.h"
#include "json/json.h"

enum field_form {
	FIELD_TEXT,
	FIELD_SHORT_ID, /* first 12 characters */
	FIELD_TIME,     /* "2026-11-22 20:11:57" from RFC 3339 */
	FIELD_YES_NO,
	FIELD_STAR, /* "*" for true */
};

struct field {
	struct table_column column;
	const char *member;
	enum field_form form;
};

/* The JSON document on standard output, followed by a newline. */
void output_json(const struct json *document);

/* document.items (or the document itself, if it is an array) as a table. */
void output_table(const struct json *document, const struct field *fields, size_t count);

/* One object as lines; fields whose member is absent or "" are left out. */
void output_lines(const struct json *object, const struct field *fields, size_t count);

/* The member's text in its form; the caller frees it. */
char *output_field(const struct json *object, const struct field *field);

/* As table or JSON, whichever `cli` asks for. */
void output_list(const struct cli *cli, const struct json *document, const struct field *fields,
                 size_t count);

#define FIELD_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

#endif
