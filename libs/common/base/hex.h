// SPDX-License-Identifier: Apache-2.0
/* Lower-case hexadecimal text of bytes and back. */
#ifndef FANGS_BASE_HEX_H
#define FANGS_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

/* `text` holds 2 * size + 1 bytes. */
void hex_encode(const void *data, size_t size, char *text);

/* False unless `text` is exactly 2 * size digits (either case). */
bool hex_decode(struct view text, void *data, size_t size);

#endif
