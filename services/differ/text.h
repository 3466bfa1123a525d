// SPDX-License-Identifier: Apache-2.0
/*
 * Text from a sandbox made fit for comparing and storing.
 *
 * What is covered: UTF-8 well-formedness (RFC 3629); U+0000, which PostgreSQL cannot hold; white
 * space as Unicode defines the property White_Space; lower case by the simple one-to-one mappings
 * of Unicode as the C library knows them (locale C.UTF-8), which is what the existing system's
 * mapping does, too: U+0130 becomes "i", U+1E9E becomes U+00DF, nothing ever becomes two letters.
 */
#ifndef FANGS_DIFFER_TEXT_H
#define FANGS_DIFFER_TEXT_H

#include <locale.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"

/* The locale that text_lower() needs; freed by freelocale(). (locale_t)0 and FATAL when the C
 * library has no C.UTF-8. */
locale_t text_locale(struct error *err);

/* `text` itself when it is well-formed and without NUL, or a copy in `out` in which each bad byte
 * is U+FFFD and each NUL is U+2400 (symbol for NUL). */
struct view text_clean(struct view text, struct buf *out);

/* White space removed at both ends. `text` is well-formed. */
struct view text_trim(struct view text);

/* In lower case: `text` itself when nothing changes, or a copy in `out`. `text` is well-formed. */
struct view text_lower(locale_t locale, struct view text, struct buf *out);

#endif
