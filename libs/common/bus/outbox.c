// SPDX-License-Identifier: Apache-2.0
#include "bus/outbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cond.h"
#include "base/random.h"
#include "base/worker.h"
#include "bus/bus_sql.h"
#include "bus/consume.h"
#include "log/log.h"

enum { BATCH_ROWS = 500, IDLE_MS = 1000, QUEUE_FULL_PAUSE_MS = 20 };
enum { RETRY_BASE_MS = 200, RETRY_MAX_MS = 5000 };
enum { STOP_CHECK_MS = 200, STOP_GRACE_MS = 5000 };

int outbox_add(struct db_conn *conn, const struct bus_record *record, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(bus_topic_base_name(record->topic)),
	                                  DB_INT(record->partition),
	                                  DB_BYTES(record->key.data, record->key.size),
	                                  DB_BYTES(record->value.data, record->value.size)};
	int64_t rows = db_exec(conn, &sql_outbox_add, params, 4, err);
	return rows < 0 ? (int)rows : 0;
}

int outbox_add_many(struct db_conn *conn, const struct bus_record *records, size_t count,
                    struct error *err)
{
	AUTO(db_array) struct db_array topics, partitions, keys, values;
	db_array_init(&topics, DB_ARRAY_TEXT);
	db_array_init(&partitions, DB_ARRAY_INT4);
	db_array_init(&keys, DB_ARRAY_BYTEA);
	db_array_init(&values, DB_ARRAY_BYTEA);
	for (size_t i = 0; i < count; i++) {
		db_array_add(&topics, view_of_string(bus_topic_base_name(records[i].topic)));
		db_array_add_int4(&partitions, records[i].partition);
		db_array_add(&keys, records[i].key);
		db_array_add(&values, records[i].value);
	}
	const struct db_param params[] = {db_array_param(&topics), db_array_param(&partitions),
	                                  db_array_param(&keys), db_array_param(&values)};
	int64_t rows = count ? db_exec(conn, &sql_outbox_add_many, params, 4, err) : 0;
	return rows < 0 ? (int)rows : 0;
}

struct outbox_relay {
	struct db *db;
	struct bus *bus;
	char *owner;
	struct worker *thread; /* for whoever started it */

	/* The thread's own. */
	struct worker *worker;
	struct db_conn *conn; /* a session, NULL while not connected */
	bool locked;          /* it holds the relay's lock */
	unsigned failures;    /* rounds that failed in a row */
};

/* Rows on their way. The bus calls back for each of them, maybe after the relay was stopped, so
 * the last one to leave frees. */
struct outgoing {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	size_t pending;
	size_t references;
	struct outgoing_row {
		struct outgoing *batch;
		int64_t id;
		struct error err; /* code 0: delivered */
	} rows[];
};

static struct outgoing *outgoing_create(size_t rows)
{
	struct outgoing *batch = xcalloc(1, sizeof(*batch) + rows * sizeof(batch->rows[0]));
	(void)pthread_mutex_init(&batch->lock, NULL);
	cond_init(&batch->changed);
	batch->references = 1;
	return batch;
}

/* With the lock held; gives it back. */
static void outgoing_leave(struct outgoing *batch)
{
	bool last = --batch->references == 0;
	(void)pthread_mutex_unlock(&batch->lock);
	if (!last)
		return;
	(void)pthread_cond_destroy(&batch->changed);
	(void)pthread_mutex_destroy(&batch->lock);
	free(batch);
}

static void on_delivered(void *ctx, const struct error *err)
{
	struct outgoing_row *row = ctx;
	struct outgoing *batch = row->batch;
	(void)pthread_mutex_lock(&batch->lock);
	if (err)
		row->err = *err;
	batch->pending--;
	(void)pthread_cond_signal(&batch->changed);
	outgoing_leave(batch);
}

static bool topic_named(struct view name, enum bus_topic *ret_topic)
{
	for (int topic = 0; topic < BUS_TOPIC_COUNT; topic++) {
		if (!view_is(name, bus_topic_base_name((enum bus_topic)topic)))
			continue;
		*ret_topic = (enum bus_topic)topic;
		return true;
	}
	return false;
}

static bool record_of(const PGresult *result, int row, struct bus_record *ret_record)
{
	*ret_record = (struct bus_record){
	        .partition = (int32_t)db_cell_binary_int(result, row, 2),
	        .key = db_cell_bytes(result, row, 3),
	        .value = db_cell_bytes(result, row, 4),
	};
	return topic_named(db_cell_bytes(result, row, 1), &ret_record->topic);
}

/* Hands one row to the bus; a full queue is waited for. */
static void send_row(struct outbox_relay *relay, const struct bus_record *record,
                     struct outgoing_row *row)
{
	struct outgoing *batch = row->batch;
	(void)pthread_mutex_lock(&batch->lock);
	batch->pending++;
	batch->references++;
	(void)pthread_mutex_unlock(&batch->lock);
	int rc = 0;
	struct error failure = {0};
	do
		rc = bus_produce(relay->bus, record, on_delivered, row, &failure);
	while (rc == -EAGAIN && worker_sleep_ms(relay->worker, QUEUE_FULL_PAUSE_MS));
	if (rc)
		on_delivered(row, &failure);
}

static void send_rows(struct outbox_relay *relay, const PGresult *result, struct outgoing *batch)
{
	for (int i = 0; i < PQntuples(result); i++) {
		struct bus_record record;
		struct outgoing_row *row = &batch->rows[i];
		row->batch = batch;
		row->id = db_cell_binary_int(result, i, 0);
		if (record_of(result, i, &record)) {
			send_row(relay, &record, row);
			continue;
		}
		error_set(&row->err, EINVAL, "unknown topic '%.*s' in the outbox",
		          VIEW_ARG(db_cell_bytes(result, i, 1)));
	}
}

/* False when the relay was stopped and the answers did not come soon after: the rows stay, and some
 * may go out twice. */
static bool await_answers(struct outbox_relay *relay, struct outgoing *batch)
{
	int64_t give_up_ms = INT64_MAX;
	(void)pthread_mutex_lock(&batch->lock);
	while (batch->pending && cond_now_ms() < give_up_ms) {
		(void)cond_wait_until(&batch->changed, &batch->lock, cond_now_ms() + STOP_CHECK_MS);
		if (give_up_ms == INT64_MAX && !worker_running(relay->worker))
			give_up_ms = cond_now_ms() + STOP_GRACE_MS;
	}
	bool complete = batch->pending == 0;
	(void)pthread_mutex_unlock(&batch->lock);
	return complete;
}

/* A row that the bus will never take is kept elsewhere, so that it does not block the others. Its
 * place in the dead letters is its id, with no partition. */
static int bury(struct outbox_relay *relay, const PGresult *result, int i,
                const struct outgoing_row *row, struct error *err)
{
	struct bus_record record;
	(void)record_of(result, i, &record);
	const struct bus_message message = {.topic = record.topic,
	                                    .partition = BUS_PARTITION_BY_KEY,
	                                    .offset = row->id,
	                                    .key = record.key,
	                                    .value = record.value};
	LOG_ERROR("a message cannot be published and is kept as a dead letter",
	          LOG_STR("topic", bus_topic_base_name(record.topic)),
	          LOG_INT("outbox_id", row->id), LOG_ERR(&row->err));
	return dead_letter_add(relay->conn, &message, relay->owner, row->err.text, err);
}

/* Deletes what is delivered or buried; what failed otherwise stays for the next round and is in
 * `*err`. */
static int settle_rows(struct outbox_relay *relay, const PGresult *result,
                       const struct outgoing *batch, struct error *err)
{
	AUTO(db_array) struct db_array ids;
	db_array_init(&ids, DB_ARRAY_INT8);
	int rc = db_begin(relay->conn, err);
	int failure = 0;
	for (int i = 0; rc == 0 && i < PQntuples(result); i++) {
		const struct outgoing_row *row = &batch->rows[i];
		if (row->err.code && row->err.class != ERROR_DROP) {
			*err = row->err;
			failure = -row->err.code;
			continue;
		}
		if (row->err.code)
			rc = bury(relay, result, i, row, err);
		db_array_add_int8(&ids, row->id);
	}
	const struct db_param param = db_array_param(&ids);
	if (rc == 0 && ids.count && db_exec(relay->conn, &sql_outbox_delete, &param, 1, err) < 0)
		rc = -ENOTCONN;
	if (rc == 0)
		rc = db_commit(relay->conn, err);
	db_rollback(relay->conn);
	return rc ? rc : failure;
}

/* One batch; returns the number of rows that were there, or a negative errno. */
static int relay_batch(struct outbox_relay *relay, struct error *err)
{
	AUTO(pgresult)
	PGresult *result =
	        db_query_binary(relay->conn, &sql_outbox_read, &DB_INT(BATCH_ROWS), 1, err);
	if (!result)
		return -ENOTCONN;
	int rows = PQntuples(result);
	if (rows == 0)
		return 0;
	struct outgoing *batch = outgoing_create((size_t)rows);
	send_rows(relay, result, batch);
	int rc = await_answers(relay, batch) ? settle_rows(relay, result, batch, err) : 0;
	(void)pthread_mutex_lock(&batch->lock);
	outgoing_leave(batch);
	return rc < 0 ? rc : rows;
}

static int connect_session(struct outbox_relay *relay, struct error *err)
{
	if (!relay->conn) {
		relay->locked = false;
		relay->conn = db_session_open(relay->db, err);
		if (!relay->conn)
			return -ENOTCONN;
		int rc = db_conn_listen(relay->conn, "fangs_outbox", err);
		if (rc)
			return rc;
	}
	if (relay->locked)
		return 0;
	AUTO(pgresult) PGresult *result = db_query(relay->conn, &sql_outbox_lock, NULL, 0, err);
	if (!result)
		return -ENOTCONN;
	relay->locked = db_cell_bool(result, 0, 0);
	return 0;
}

static void ignore_notification(void *ctx, const char *channel, const char *payload)
{
	(void)ctx;
	(void)channel;
	(void)payload;
}

/* Relays until nothing is left, then waits for news; without the lock it looks again in a while. */
static int one_round(struct outbox_relay *relay, struct error *err)
{
	int rows = 0;
	int rc = connect_session(relay, err);
	if (rc)
		return rc;
	if (!relay->locked) {
		(void)worker_sleep_ms(relay->worker, IDLE_MS);
		return 0;
	}
	do
		rows = relay_batch(relay, err);
	while (rows > 0 && worker_running(relay->worker));
	if (rows < 0 || !worker_running(relay->worker))
		return rows < 0 ? rows : 0;
	return db_conn_wait(relay->conn, IDLE_MS, ignore_notification, NULL, err);
}

/* Ending the session gives the lock to another process, which may be luckier. */
static void pause_after_failure(struct outbox_relay *relay, const struct error *err)
{
	if (relay->failures++ == 0)
		LOG_WARN("the outbox cannot be relayed, trying again", LOG_ERR(err));
	db_release(relay->conn);
	relay->conn = NULL;
	(void)worker_sleep_ms(relay->worker,
	                      backoff_ms(relay->failures, RETRY_BASE_MS, RETRY_MAX_MS));
}

static void run(void *ctx, struct worker *worker)
{
	struct outbox_relay *relay = ctx;
	relay->worker = worker;
	while (worker_running(worker)) {
		struct error err = {0};
		if (one_round(relay, &err)) {
			pause_after_failure(relay, &err);
			continue;
		}
		if (relay->failures)
			LOG_INFO("the outbox is relayed again");
		relay->failures = 0;
	}
	db_release(relay->conn);
}

struct outbox_relay *outbox_relay_start(struct db *db, struct bus *bus, const char *owner,
                                        struct error *err)
{
	struct outbox_relay *relay = xcalloc(1, sizeof(*relay));
	relay->db = db;
	relay->bus = bus;
	relay->owner = xstrdup(owner);
	struct worker *worker = worker_start("outbox", run, relay, err);
	if (!worker) {
		free(relay->owner);
		free(relay);
		return NULL;
	}
	relay->thread = worker;
	return relay;
}

void outbox_relay_stop(struct outbox_relay *relay)
{
	if (!relay)
		return;
	worker_stop(relay->thread);
	free(relay->owner);
	free(relay);
}
