// SPDX-License-Identifier: Apache-2.0
/*
 * Time. Intervals are measured on the monotonic clock; the wall clock is only for what is stored
 * or shown. Tests may replace both with clock_set_source().
 */
#ifndef FANGS_BASE_CLOCK_H
#define FANGS_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

enum { NS_PER_MS = 1000000, MS_PER_S = 1000 };
#define NS_PER_S INT64_C(1000000000)

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);
int64_t clock_wall_ns(void); /* Unix time */

/* "2026-11-22T20:18:54.819653388Z": RFC 3339, UTC, trailing zeros of the fraction trimmed.
 * `size` of at least CLOCK_TEXT_MAX. */
enum { CLOCK_TEXT_MAX = 40 };
void clock_format_rfc3339(int64_t wall_ns, char *text, size_t size);

/* Accepts any offset and 0 to 9 fractional digits; years 1678 to 2261 (what 64-bit ns can hold),
 * and the zero time "0001-01-01T00:00:00Z" as INT64_MIN. False on anything else. */
bool clock_parse_rfc3339(struct view text, int64_t *ret_wall_ns);

typedef int64_t (*clock_source_fn)(bool wall);
void clock_set_source(clock_source_fn replacement); /* NULL: the real clocks; tests only */

#endif
