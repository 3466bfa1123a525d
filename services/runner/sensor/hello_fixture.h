// SPDX-License-Identifier: Apache-2.0
/* ClientHellos for tests. */
#ifndef FANGS_SENSOR_HELLO_FIXTURE_H
#define FANGS_SENSOR_HELLO_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

enum { HELLO_FIXTURE_MAX = 16384 };

/* Writes a ClientHello with a server name (NULL: none), behind an extension of `padding` bytes, cut
 * into records of `record_size` bytes (0: one record). Returns its size. */
size_t hello_make(uint8_t out[HELLO_FIXTURE_MAX], const char *name, size_t padding,
                  size_t record_size);

#endif
