// SPDX-License-Identifier: Apache-2.0
/* Randomness from getrandom(2), ids made of it, and exponential back-off with jitter. */
#ifndef FANGS_BASE_RANDOM_H
#define FANGS_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *data, size_t size);
uint64_t random_below(uint64_t bound); /* uniform in [0, bound) */

/* Writes 2 * size hex digits and a NUL; `text` holds 2 * size + 1 bytes. */
void random_hex(char *text, size_t size);

/* The delay before attempt n+1 after n failures (n from 1): base * 2^(n-1), at most `max_ms`,
 * multiplied by a uniform factor in [0.75, 1.25). */
int64_t backoff_ms(unsigned failures, int64_t base_ms, int64_t max_ms);

#endif
