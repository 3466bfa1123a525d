// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { CELL_MAX_BYTES = 64 * 1024 };

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells;
	size_t cell_count;
};

struct table *table_create(const struct table_column *columns, size_t count)
{
	struct table *table = xcalloc(1, sizeof(*table));
	table->columns = columns;
	table->column_count = count;
	return table;
}

static bool continues_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t width_of(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += !continues_character(*text);
	return width;
}

/* The text as it may be shown: what could steer a terminal is replaced. */
static char *printable(const char *text, size_t max_width)
{
	struct buf out;
	buf_init(&out, CELL_MAX_BYTES);
	bool cut = max_width && width_of(text) > max_width;
	size_t width = 0;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		width += !continues_character(*text);
		if (cut && width == max_width) {
			buf_append_string(&out, "…");
			break;
		}
		if (c < 0x20 || c == 0x7f)
			buf_append_char(&out, '?');
		else
			buf_append_char(&out, *text);
	}
	return buf_detach(&out);
}

void table_cell(struct table *table, const char *text)
{
	size_t column = table->cell_count % table->column_count;
	table->cells = xrealloc(table->cells, table->cell_count + 1, sizeof(char *));
	table->cells[table->cell_count++] =
	        printable(text ? text : "-", table->columns[column].max_width);
}

static void print_padded(FILE *out, const char *text, size_t width)
{
	fputs(text, out);
	for (size_t used = width_of(text); used < width + 2; used++)
		fputc(' ', out);
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = width_of(table->columns[column].title);
	for (size_t i = column; i < table->cell_count; i += table->column_count) {
		size_t cell = width_of(table->cells[i]);
		width = cell > width ? cell : width;
	}
	return width;
}

void table_print(const struct table *table, FILE *out)
{
	if (table->cell_count == 0) {
		fputs("(none)\n", out);
		return;
	}
	size_t *widths = xcalloc(table->column_count, sizeof(*widths));
	for (size_t column = 0; column < table->column_count; column++)
		widths[column] = column_width(table, column);
	size_t last = table->column_count - 1;
	for (size_t column = 0; column < last; column++)
		print_padded(out, table->columns[column].title, widths[column]);
	fprintf(out, "%s\n", table->columns[last].title);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t column = i % table->column_count;
		if (column == last)
			fprintf(out, "%s\n", table->cells[i]);
		else
			print_padded(out, table->cells[i], widths[column]);
	}
	free(widths);
}

void table_destroy(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
