// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

enum { SHORT_ID_SIZE = 12, TIME_SIZE = 19 };

void output_json(const struct json *document)
{
	AUTO(free) char *text = json_to_text(document);
	puts(text);
}

static char *text_of(const struct json *value)
{
	if (!value)
		return xstrdup("");
	if (json_is_string(value))
		return xstrdup(json_string(value, ""));
	return json_to_text(value);
}

static char *short_time(const char *rfc3339)
{
	char *text = view_dup(view_of(rfc3339, strnlen(rfc3339, TIME_SIZE)));
	char *t = strchr(text, 'T');
	if (t)
		*t = ' ';
	return text;
}

char *output_field(const struct json *object, const struct field *field)
{
	const struct json *value = json_get(object, field->member);
	const char *text = json_string(value, "");
	switch (field->form) {
	case FIELD_SHORT_ID:
		return view_dup(view_of(text, strnlen(text, SHORT_ID_SIZE)));
	case FIELD_TIME:
		return short_time(text);
	case FIELD_YES_NO:
		return xstrdup(json_bool(value, false) ? "yes" : "no");
	case FIELD_STAR:
		return xstrdup(json_bool(value, false) ? "*" : "");
	case FIELD_TEXT:
		break;
	}
	return text_of(value);
}

void output_table(const struct json *document, const struct field *fields, size_t count)
{
	struct table_column *columns = xcalloc(count, sizeof(*columns));
	for (size_t i = 0; i < count; i++)
		columns[i] = fields[i].column;
	struct table *table = table_create(columns, count);
	const struct json *items = json_is_array(document) ? document : json_get(document, "items");
	for (const struct json *item = json_first(items); item; item = json_next(item))
		for (size_t i = 0; i < count; i++) {
			AUTO(free) char *text = output_field(item, &fields[i]);
			table_cell(table, *text ? text : NULL);
		}
	table_print(table, stdout);
	table_destroy(table);
	free(columns);
}

void output_lines(const struct json *object, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(free) char *text = output_field(object, &fields[i]);
		if (*text)
			printf("%-18s %s\n", fields[i].column.title, text);
	}
}

void output_list(const struct cli *cli, const struct json *document, const struct field *fields,
                 size_t count)
{
	if (cli->output == OUTPUT_JSON)
		output_json(document);
	else
		output_table(document, fields, count);
}
