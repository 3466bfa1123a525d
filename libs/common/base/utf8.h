// SPDX-License-Identifier: Apache-2.0
/* Well-formed UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, up to U+10FFFF. */
#ifndef FANGS_BASE_UTF8_H
#define FANGS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/view.h"

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define UTF8_NUL_SYMBOL "\xE2\x90\x80"  /* U+2400 */

/* The size (1 to 4) of the well-formed character at the start of `text`; 0 when there is none. */
size_t utf8_char_size(struct view text);

bool utf8_is_valid(struct view text);

/* The number of characters of a valid text. */
size_t utf8_length(struct view text);

/* Appends `text` with every byte that is not part of a well-formed character replaced by U+FFFD. */
void utf8_append_valid(struct buf *buf, struct view text);

/* The longest prefix of at most `max` bytes that does not end within a character. */
struct view utf8_prefix(struct view text, size_t max);

/* What a PostgreSQL text can hold: `text` itself, or a copy in the arena made valid as above and
 * with U+2400 in the place of U+0000. */
struct view utf8_storable(struct arena *arena, struct view text);

#endif
