// SPDX-License-Identifier: Apache-2.0
/*
 * Tables for people: a header and rows aligned with two-space gaps, the last column unpadded, on
 * standard output. Cells are printed safely: control characters become '?', long ones are cut at a
 * character with an ellipsis.
 */
#ifndef FANGS_CLI_TABLE_H
#define FANGS_CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct table;

struct table_column {
	const char *title;
	size_t max_width; /* in characters, the ellipsis of a cut included; 0: unlimited */
};

/* `columns` is borrowed. */
struct table *table_create(const struct table_column *columns, size_t count);
void table_cell(struct table *table, const char *text); /* copied; row by row, NULL prints "-" */
/* Prints "(none)" when there are no rows. */
void table_print(const struct table *table, FILE *out);
void table_destroy(struct table *table);

#endif
