// SPDX-License-Identifier: Apache-2.0
#include "bus/bus_health.h"

#include "base/clock.h"
#include "log/log.h"

/* Outages that follow each other closely are one. */
enum { REMIND_MS = 30000, FLAPPING_MS = 5000 };

void bus_health_init(struct bus_health *health)
{
	atomic_init(&health->suspected, false);
	atomic_init(&health->away, false);
	(void)pthread_mutex_init(&health->lock, NULL);
	health->last_log_ms = clock_monotonic_ms() - REMIND_MS;
}

void bus_health_release(struct bus_health *health)
{
	(void)pthread_mutex_destroy(&health->lock);
}

void bus_health_suspect(struct bus_health *health, const struct error *err)
{
	(void)pthread_mutex_lock(&health->lock);
	health->last = *err;
	atomic_store(&health->suspected, true);
	(void)pthread_mutex_unlock(&health->lock);
}

bool bus_health_is_suspected(struct bus_health *health)
{
	return atomic_load_explicit(&health->suspected, memory_order_relaxed);
}

void bus_health_confirm(struct bus_health *health)
{
	int64_t now = clock_monotonic_ms();
	(void)pthread_mutex_lock(&health->lock);
	/* Another thread had success since: the next one would not end an outage without suspicion.
	 */
	if (!health->suspected) {
		(void)pthread_mutex_unlock(&health->lock);
		return;
	}
	bool lasts = atomic_exchange(&health->away, true);
	bool log = now - health->last_log_ms >= (lasts ? REMIND_MS : FLAPPING_MS);
	if (log)
		health->last_log_ms = now;
	struct error err = health->last;
	(void)pthread_mutex_unlock(&health->lock);
	if (log)
		LOG_WARN("the bus is out of reach, trying again", LOG_ERR(&err));
}

void bus_health_failed(struct bus_health *health, const struct error *err)
{
	bus_health_suspect(health, err);
	bus_health_confirm(health);
}

void bus_health_ok(struct bus_health *health)
{
	if (!bus_health_is_suspected(health))
		return;
	(void)pthread_mutex_lock(&health->lock);
	atomic_store(&health->suspected, false);
	bool ended = atomic_exchange(&health->away, false);
	(void)pthread_mutex_unlock(&health->lock);
	if (ended)
		LOG_INFO("the bus is in reach again");
}

int bus_health_check(struct bus_health *health, struct error *err)
{
	if (!atomic_load_explicit(&health->away, memory_order_relaxed))
		return 0;
	(void)pthread_mutex_lock(&health->lock);
	if (err)
		*err = health->last;
	int code = health->last.code;
	(void)pthread_mutex_unlock(&health->lock);
	return -code;
}
