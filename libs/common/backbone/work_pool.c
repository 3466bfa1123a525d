// SPDX-License-Identifier: Apache-2.0
#include "backbone/work_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "log/log.h"

enum { FAILURE_PAUSE_MS = 1000 };

struct worker {
	struct work_pool *pool;
	size_t index;
	pthread_t thread;
};

struct work_pool {
	struct work_pool_options options;
	struct worker *workers;
	size_t started;
	pthread_mutex_t lock; /* of `wakes` */
	pthread_cond_t woken;
	size_t wakes; /* workers that shall look for work; at most all of them */
};

void work_pool_wake(struct work_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	if (pool->wakes < pool->options.workers)
		pool->wakes++;
	(void)pthread_cond_signal(&pool->woken);
	(void)pthread_mutex_unlock(&pool->lock);
}

static void wait_for_wake(struct work_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	while (pool->wakes == 0 && service_running(pool->options.service))
		(void)pthread_cond_wait(&pool->woken, &pool->lock);
	if (pool->wakes > 0)
		pool->wakes--;
	(void)pthread_mutex_unlock(&pool->lock);
}

static int work_until_idle(const struct worker *worker, struct error *err)
{
	struct work_pool *pool = worker->pool;
	const struct work_pool_options *options = &pool->options;

	while (service_running(options->service)) {
		int rc = options->claim(options->ctx, worker->index, err);
		if (rc <= 0)
			return rc;
		work_pool_wake(pool);
		rc = options->process(options->ctx, worker->index, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void *run(void *arg)
{
	const struct worker *worker = arg;
	const struct work_pool_options *options = &worker->pool->options;
	AUTO(free) char *sentence = xasprintf("cannot %s, will go on trying", options->what);

	while (service_running(options->service)) {
		struct error err = {0};
		if (work_until_idle(worker, &err) < 0) {
			LOG_WARN(sentence, LOG_ERR(&err));
			(void)service_sleep_ms(options->service, FAILURE_PAUSE_MS);
		}
		wait_for_wake(worker->pool);
	}
	return NULL;
}

static int start_worker(struct work_pool *pool, struct error *err)
{
	struct worker *worker = &pool->workers[pool->started];

	*worker = (struct worker){.pool = pool, .index = pool->started};
	int rc = pthread_create(&worker->thread, NULL, run, worker);
	if (rc != 0)
		return error_set_errno(err, rc, "cannot start a worker thread");
	pool->started++;
	return 0;
}

struct work_pool *work_pool_start(const struct work_pool_options *options, struct error *err)
{
	struct work_pool *pool = xcalloc(1, sizeof(*pool));

	pool->options = *options;
	pool->workers = xcalloc(options->workers, sizeof(*pool->workers));
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->woken, NULL);
	while (pool->started < options->workers) {
		if (start_worker(pool, err) < 0) {
			service_request_stop(options->service);
			work_pool_stop(pool);
			return NULL;
		}
	}
	return pool;
}

void work_pool_stop(struct work_pool *pool)
{
	if (!pool)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	(void)pthread_cond_broadcast(&pool->woken);
	(void)pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->started; i++)
		(void)pthread_join(pool->workers[i].thread, NULL);
	(void)pthread_cond_destroy(&pool->woken);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool->workers);
	free(pool);
}
