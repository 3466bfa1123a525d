// SPDX-License-Identifier: Apache-2.0
/*
 * Run ids: 16 bytes; 32 lower-case hex digits in URLs, tables and logs; an array of 16 integers on
 * the /v1 wire. A new id is 8 bytes of big-endian Unix nanoseconds and 8 random bytes (the existing
 * system has zeros there), so ids sort by time.
 */
#ifndef FANGS_MODEL_RUN_ID_H
#define FANGS_MODEL_RUN_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

enum { RUN_ID_SIZE = 16, RUN_ID_TEXT_SIZE = 33 };

struct run_id {
	uint8_t bytes[RUN_ID_SIZE];
};

struct run_id run_id_new(void);
bool run_id_is_zero(const struct run_id *id);
bool run_id_equal(const struct run_id *a, const struct run_id *b);
void run_id_format(const struct run_id *id, char text[RUN_ID_TEXT_SIZE]);
bool run_id_parse(struct view text, struct run_id *ret); /* exactly 32 hex digits */

#endif
