// SPDX-License-Identifier: Apache-2.0
/*
 * Where a JSON value ends, in text that comes in pieces of any size. Only quotes and brackets are
 * looked at: for well-formed text the end is right, for malformed text a parser that reads what was
 * found stumbles before the end that was found.
 */
#ifndef FANGS_JSON_JSON_SCAN_H
#define FANGS_JSON_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

struct json_scan {
	size_t depth;
	bool begun, in_string, escaped, scalar;
};

/* Before a value, whose first byte (no white space) is the next to come. */
void json_scan_init(struct json_scan *scan);

/* How many bytes of `piece` belong to the value, into `*ret`. False: all of them do, and there may
 * be more. A number or word ends only with the byte behind it. */
bool json_scan_feed(struct json_scan *scan, struct view piece, size_t *ret);

#endif
