// SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cond.h"

struct worker {
	void (*run)(void *ctx, struct worker *worker);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock; /* guards `stopping` */
	pthread_cond_t wake;
	bool stopping;
};

static void *thread_main(void *arg)
{
	struct worker *worker = arg;
	worker->run(worker->ctx, worker);
	return NULL;
}

static void destroy(struct worker *worker)
{
	(void)pthread_cond_destroy(&worker->wake);
	(void)pthread_mutex_destroy(&worker->lock);
	free(worker);
}

struct worker *worker_start(const char *name, void (*run)(void *ctx, struct worker *worker),
                            void *ctx, struct error *err)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));
	worker->run = run;
	worker->ctx = ctx;
	(void)pthread_mutex_init(&worker->lock, NULL);
	cond_init(&worker->wake);
	int rc = pthread_create(&worker->thread, NULL, thread_main, worker);
	if (rc) {
		error_set_errno(err, rc, "cannot start the thread '%s'", name);
		destroy(worker);
		return NULL;
	}
	(void)pthread_setname_np(worker->thread, name);
	return worker;
}

void worker_stop(struct worker *worker)
{
	if (!worker)
		return;
	(void)pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	(void)pthread_cond_broadcast(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
	(void)pthread_join(worker->thread, NULL);
	destroy(worker);
}

bool worker_running(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	bool running = !worker->stopping;
	(void)pthread_mutex_unlock(&worker->lock);
	return running;
}

bool worker_sleep_ms(struct worker *worker, int64_t ms)
{
	int64_t deadline = cond_now_ms() + ms;
	(void)pthread_mutex_lock(&worker->lock);
	while (!worker->stopping && cond_wait_until(&worker->wake, &worker->lock, deadline))
		;
	bool running = !worker->stopping;
	(void)pthread_mutex_unlock(&worker->lock);
	return running;
}
