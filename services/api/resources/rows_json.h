// SPDX-License-Identifier: Apache-2.0
/*
 * Rows of a query as JSON objects: the columns' names are the keys; boolean, integer, float and
 * JSON columns become such values, everything else strings, NULL null.
 */
#ifndef FANGS_API_ROWS_JSON_H
#define FANGS_API_ROWS_JSON_H

#include <libpq-fe.h>

#include "json/json_writer.h"

/* The first `columns` of a row, as the members of an object that the caller opened. */
void rows_write_members(struct json_writer *w, const PGresult *result, int row, int columns);

/* All rows from `first` to before `end`, as an array. */
void rows_write_array(struct json_writer *w, const PGresult *result, int first, int end,
                      int columns);

#endif
