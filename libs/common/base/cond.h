// SPDX-License-Identifier: Apache-2.0
/* Condition variables on the monotonic clock, with deadlines in its milliseconds. */
#ifndef FANGS_BASE_COND_H
#define FANGS_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void cond_init(pthread_cond_t *cond);

/* As pthread_cond_wait(), at most until `deadline_ms` of CLOCK_MONOTONIC; false when that passed.
 * Wakes spuriously, so it stands in a loop that checks its condition. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms);

/* Now, for such deadlines: the real clock, also when tests replaced the others. */
int64_t cond_now_ms(void);

#endif
