// SPDX-License-Identifier: Apache-2.0
#include "base/cond.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms)
{
	struct timespec deadline = {.tv_sec = deadline_ms / MS_PER_S,
	                            .tv_nsec = deadline_ms % MS_PER_S * NS_PER_MS};
	return pthread_cond_timedwait(cond, lock, &deadline) != ETIMEDOUT;
}

int64_t cond_now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}
