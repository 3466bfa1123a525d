// SPDX-License-Identifier: Apache-2.0
#include "http/http_workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

struct http_workers {
	pthread_mutex_t lock;
	pthread_cond_t queued;
	struct http_task *first, **last;
	bool stop;
	int count;
	pthread_t threads[];
};

static struct http_task *take(struct http_workers *workers)
{
	struct http_task *task;

	pthread_mutex_lock(&workers->lock);
	while (!workers->first && !workers->stop)
		pthread_cond_wait(&workers->queued, &workers->lock);
	task = workers->first;
	if (task) {
		workers->first = task->next;
		if (!workers->first)
			workers->last = &workers->first;
	}
	pthread_mutex_unlock(&workers->lock);
	return task;
}

static void *worker_thread(void *arg)
{
	struct http_workers *workers = arg;
	struct http_task *task;

	while ((task = take(workers)))
		task->handler(task->ctx, task->request);
	return NULL;
}

void http_workers_submit(struct http_workers *workers, struct http_task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&workers->lock);
	*workers->last = task;
	workers->last = &task->next;
	pthread_cond_signal(&workers->queued);
	pthread_mutex_unlock(&workers->lock);
}

struct http_workers *http_workers_start(int count, struct error *err)
{
	struct http_workers *workers =
	        xcalloc(1, sizeof(*workers) + (size_t)count * sizeof(workers->threads[0]));

	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->queued, NULL);
	workers->last = &workers->first;
	while (workers->count < count) {
		int code = pthread_create(&workers->threads[workers->count], NULL, worker_thread,
		                          workers);

		if (code) {
			error_set_errno(err, code, "cannot start a worker thread");
			http_workers_destroy(workers);
			return NULL;
		}
		workers->count++;
	}
	return workers;
}

void http_workers_destroy(struct http_workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->stop = true;
	pthread_cond_broadcast(&workers->queued);
	pthread_mutex_unlock(&workers->lock);
	for (int i = 0; i < workers->count; i++)
		pthread_join(workers->threads[i], NULL);
	pthread_mutex_destroy(&workers->lock);
	pthread_cond_destroy(&workers->queued);
	free(workers);
}
