// SPDX-License-Identifier: Apache-2.0
/*
 * The postgres driver's producer: a bounded queue and one thread that writes it, as many records in
 * one transaction as have gathered while the one before committed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cond.h"
#include "base/random.h"
#include "bus/bus_sql.h"
#include "bus/postgres.h"

enum { QUEUE_MAX_RECORDS = 100000, QUEUE_MAX_BYTES = 64 << 20 };
enum { BATCH_MAX_RECORDS = 1000, BATCH_MAX_BYTES = 8 << 20 };
enum { RETRY_BASE_MS = 100, RETRY_MAX_MS = 5000 };

struct queued {
	struct queued *next;
	struct bus_delivery *delivery;
	enum bus_topic topic;
	int32_t partition;
	size_t key_size, value_size;
	char data[]; /* key, then value */
};

struct queue {
	struct queued *head, **tail;
	size_t records, bytes;
};

struct postgres_producer {
	struct postgres_bus *bus;
	pthread_t thread;
	pthread_mutex_t lock;   /* guards what follows */
	pthread_cond_t changed; /* for both sides */
	struct queue queue;
	size_t unfinished; /* queued, or in the thread's hands */
	bool stopping;

	/* The thread's own. */
	int32_t partitions[BUS_TOPIC_COUNT]; /* 0: not known yet */
};

static void queue_init(struct queue *queue)
{
	*queue = (struct queue){0};
	queue->tail = &queue->head;
}

static void queue_push(struct queue *queue, struct queued *record)
{
	*queue->tail = record;
	queue->tail = &record->next;
	queue->records++;
	queue->bytes += record->key_size + record->value_size;
}

static struct queued *queue_pop(struct queue *queue)
{
	struct queued *record = queue->head;
	queue->head = record->next;
	if (!queue->head)
		queue->tail = &queue->head;
	queue->records--;
	queue->bytes -= record->key_size + record->value_size;
	record->next = NULL;
	return record;
}

static void finish(struct postgres_producer *producer, struct queued *record,
                   const struct error *err)
{
	bus_delivery_done(record->delivery, err);
	free(record);
	(void)pthread_mutex_lock(&producer->lock);
	producer->unfinished--;
	(void)pthread_cond_broadcast(&producer->changed);
	(void)pthread_mutex_unlock(&producer->lock);
}

static void finish_all(struct postgres_producer *producer, struct queue *batch,
                       const struct error *err)
{
	while (batch->head)
		finish(producer, queue_pop(batch), err);
}

/* The caller's side. */

int postgres_produce(struct bus *bus, const struct bus_record *record,
                     struct bus_delivery *delivery, struct error *err)
{
	struct postgres_producer *producer = ((struct postgres_bus *)bus)->producer;
	size_t size = record->key.size + record->value.size;
	struct queued *queued = xmalloc(sizeof(*queued) + size);
	*queued = (struct queued){.delivery = delivery,
	                          .topic = record->topic,
	                          .partition = record->partition,
	                          .key_size = record->key.size,
	                          .value_size = record->value.size};
	if (record->key.size)
		memcpy(queued->data, record->key.data, record->key.size);
	if (record->value.size)
		memcpy(queued->data + record->key.size, record->value.data, record->value.size);
	(void)pthread_mutex_lock(&producer->lock);
	bool full = producer->queue.records >= QUEUE_MAX_RECORDS ||
	            producer->queue.bytes + size > QUEUE_MAX_BYTES;
	if (!full) {
		queue_push(&producer->queue, queued);
		producer->unfinished++;
		(void)pthread_cond_broadcast(&producer->changed);
	}
	(void)pthread_mutex_unlock(&producer->lock);
	if (!full)
		return 0;
	free(queued);
	return error_set(err, EAGAIN, "the queue to the bus is full");
}

int postgres_flush(struct bus *bus, int64_t timeout_ms, struct error *err)
{
	struct postgres_producer *producer = ((struct postgres_bus *)bus)->producer;
	int64_t deadline = cond_now_ms() + timeout_ms;
	(void)pthread_mutex_lock(&producer->lock);
	while (producer->unfinished &&
	       cond_wait_until(&producer->changed, &producer->lock, deadline))
		;
	size_t left = producer->unfinished;
	(void)pthread_mutex_unlock(&producer->lock);
	if (left == 0)
		return 0;
	return error_set_class(err, ERROR_RETRY, ETIMEDOUT,
	                       "bus: %zu records were not delivered within %lld ms", left,
	                       (long long)timeout_ms);
}

/* The thread's side. */

/* False when the producer is stopping. */
static bool take_batch(struct postgres_producer *producer, struct queue *batch)
{
	queue_init(batch);
	(void)pthread_mutex_lock(&producer->lock);
	while (!producer->queue.head && !producer->stopping)
		(void)pthread_cond_wait(&producer->changed, &producer->lock);
	while (!producer->stopping && producer->queue.head && batch->records < BATCH_MAX_RECORDS &&
	       batch->bytes < BATCH_MAX_BYTES)
		queue_push(batch, queue_pop(&producer->queue));
	bool go_on = !producer->stopping;
	(void)pthread_mutex_unlock(&producer->lock);
	return go_on;
}

static bool pause_before_retry(struct postgres_producer *producer, unsigned failures)
{
	int64_t deadline = cond_now_ms() + backoff_ms(failures, RETRY_BASE_MS, RETRY_MAX_MS);
	(void)pthread_mutex_lock(&producer->lock);
	while (!producer->stopping &&
	       cond_wait_until(&producer->changed, &producer->lock, deadline))
		;
	bool go_on = !producer->stopping;
	(void)pthread_mutex_unlock(&producer->lock);
	return go_on;
}

static int learn_partitions(struct postgres_producer *producer, struct db_conn *conn,
                            const struct queue *batch, struct error *err)
{
	for (const struct queued *record = batch->head; record; record = record->next) {
		int32_t *count = &producer->partitions[record->topic];
		if (*count > 0)
			continue;
		*count = postgres_count_on(conn, producer->bus->bus.names[record->topic], err);
		if (*count < 0)
			return *count;
	}
	return 0;
}

enum { COLUMNS = 4 };

static void add_row(struct postgres_producer *producer, struct db_array columns[COLUMNS],
                    const struct queued *record)
{
	struct view key = view_of(record->data, record->key_size);
	int32_t partition = record->partition;
	if (partition == BUS_PARTITION_BY_KEY)
		partition = bus_partition_of_key(key, producer->partitions[record->topic]);
	db_array_add(&columns[0], view_of_string(producer->bus->bus.names[record->topic]));
	db_array_add_int4(&columns[1], partition);
	db_array_add(&columns[2], key);
	db_array_add(&columns[3], view_of(record->data + record->key_size, record->value_size));
}

static int append(struct postgres_producer *producer, struct db_conn *conn,
                  const struct queue *batch, struct error *err)
{
	static const enum db_array_type types[COLUMNS] = {DB_ARRAY_TEXT, DB_ARRAY_INT4,
	                                                  DB_ARRAY_BYTEA, DB_ARRAY_BYTEA};
	struct db_array columns[COLUMNS];
	struct db_param params[COLUMNS];
	for (int i = 0; i < COLUMNS; i++)
		db_array_init(&columns[i], types[i]);
	for (const struct queued *record = batch->head; record; record = record->next)
		add_row(producer, columns, record);
	for (int i = 0; i < COLUMNS; i++)
		params[i] = db_array_param(&columns[i]);
	int64_t rows = db_exec(conn, &sql_append, params, COLUMNS, err);
	for (int i = 0; i < COLUMNS; i++)
		db_array_release(&columns[i]);
	/* The one constraint that a record can violate. */
	if (rows == -EINVAL && batch->records == 1)
		error_set(err, EINVAL, "partition %d of %s does not exist", batch->head->partition,
		          bus_topic_base_name(batch->head->topic));
	return rows < 0 ? (int)rows : 0;
}

static int write_batch(struct postgres_producer *producer, const struct queue *batch,
                       struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(producer->bus->db, err);
	if (!conn)
		return -ENOTCONN;
	int rc = learn_partitions(producer, conn, batch, err);
	return rc ? rc : append(producer, conn, batch, err);
}

/* Until it is written or refused. When a connection is lost in the middle, the batch may have been
 * committed and is written twice: at least once is what the bus promises. */
static int deliver(struct postgres_producer *producer, const struct queue *batch, struct error *err)
{
	for (unsigned failures = 1;; failures++) {
		struct error failure = {0};
		int rc = write_batch(producer, batch, &failure);
		if (rc == 0) {
			bus_health_ok(&producer->bus->bus.health);
			return 0;
		}
		*err = failure;
		if (failure.class != ERROR_RETRY)
			return rc;
		bus_health_failed(&producer->bus->bus.health, &failure);
		if (!pause_before_retry(producer, failures))
			return error_set_class(err, ERROR_RETRY, ECANCELED, "the bus was closed");
	}
}

/* A refused batch goes record by record, so that only the culprit fails. */
static void deliver_singly(struct postgres_producer *producer, struct queue *batch)
{
	while (batch->head) {
		struct queue single;
		struct error err = {0};
		queue_init(&single);
		queue_push(&single, queue_pop(batch));
		int rc = deliver(producer, &single, &err);
		finish_all(producer, &single, rc ? &err : NULL);
	}
}

static void *run(void *arg)
{
	struct postgres_producer *producer = arg;
	struct queue batch;
	while (take_batch(producer, &batch)) {
		struct error err = {0};
		int rc = deliver(producer, &batch, &err);
		if (rc && err.class != ERROR_RETRY && batch.records > 1)
			deliver_singly(producer, &batch);
		else
			finish_all(producer, &batch, rc ? &err : NULL);
	}
	struct error closed = {0};
	error_set_class(&closed, ERROR_RETRY, ECANCELED, "the bus was closed");
	finish_all(producer, &producer->queue, &closed);
	return NULL;
}

static void destroy(struct postgres_producer *producer)
{
	(void)pthread_cond_destroy(&producer->changed);
	(void)pthread_mutex_destroy(&producer->lock);
	free(producer);
}

struct postgres_producer *postgres_producer_start(struct postgres_bus *bus, struct error *err)
{
	struct postgres_producer *producer = xcalloc(1, sizeof(*producer));
	producer->bus = bus;
	queue_init(&producer->queue);
	(void)pthread_mutex_init(&producer->lock, NULL);
	cond_init(&producer->changed);
	int rc = pthread_create(&producer->thread, NULL, run, producer);
	if (rc) {
		error_set_errno(err, rc, "bus: cannot start the producer's thread");
		destroy(producer);
		return NULL;
	}
	return producer;
}

void postgres_producer_stop(struct postgres_producer *producer)
{
	if (!producer)
		return;
	(void)pthread_mutex_lock(&producer->lock);
	producer->stopping = true;
	(void)pthread_cond_broadcast(&producer->changed);
	(void)pthread_mutex_unlock(&producer->lock);
	(void)pthread_join(producer->thread, NULL);
	destroy(producer);
}
