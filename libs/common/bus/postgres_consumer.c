// SPDX-License-Identifier: Apache-2.0
/*
 * The postgres driver's consumer: one connection of its own that listens for new messages, reads
 * them, and holds the locks of its group membership.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bus/bus_sql.h"
#include "bus/postgres.h"
#include "bus/postgres_group.h"

enum { FETCH_MAX_BYTES = 4 << 20, RECONNECT_PAUSE_MS = 500 };

/* The server ends this session, and with it the locks, when this process hangs for a minute or its
 * host vanishes; what ends cleanly or is killed is noticed at once. */
static const char session_setup[] = "SET idle_session_timeout = '60s'; SET tcp_keepalives_idle = 5;"
                                    "SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3";

struct postgres_consumer {
	struct bus_consumer consumer;
	struct db *db;
	struct db_conn *conn; /* NULL while not connected */
	struct postgres_group group;
	size_t turn; /* rotates the partition that is read first */
	bool woken;  /* a notification was for one of ours */
};

/* Messages of one fetch share the result that they point into. */
struct fetched {
	PGresult *result;
	atomic_int references;
};

static struct postgres_consumer *postgres_of(struct bus_consumer *consumer)
{
	return (struct postgres_consumer *)consumer;
}

static const char *topic_of(const struct postgres_consumer *postgres)
{
	return postgres->consumer.bus->names[postgres->consumer.options.topic];
}

static void release_fetched(void *owner)
{
	struct fetched *fetched = owner;
	if (atomic_fetch_sub(&fetched->references, 1) > 1)
		return;
	PQclear(fetched->result);
	free(fetched);
}

/* With the connection go the locks, and so the partitions. */
static int disconnect(struct postgres_consumer *postgres, int rc, const struct error *err)
{
	db_release(postgres->conn);
	postgres->conn = NULL;
	if (postgres->consumer.options.group)
		assignment_revoke_all(&postgres->consumer.assignment, &postgres->consumer.options);
	if (err)
		bus_health_failed(&postgres->consumer.bus->health, err);
	return rc;
}

static int connect_session(struct postgres_consumer *postgres, struct error *err)
{
	const char *group = postgres->consumer.options.group;
	if (postgres->conn)
		return 0;
	postgres->conn = db_session_open(postgres->db, err);
	if (!postgres->conn)
		return -ENOTCONN;
	int rc = db_script(postgres->conn, session_setup, err);
	if (rc == 0)
		rc = db_conn_listen(postgres->conn, POSTGRES_BUS_CHANNEL, err);
	if (rc == 0 && group)
		rc = postgres_group_join(&postgres->group, postgres->conn, group,
		                         topic_of(postgres), err);
	return rc;
}

/* Turns "beginning" and "end" into offsets; an offset outside of the log resumes at its beginning:
 * below, because messages were deleted, above, because the log was replaced. */
static int settle_partition(struct postgres_consumer *postgres, struct assigned_partition *item,
                            struct error *err)
{
	const struct db_param params[] = {DB_TEXT(topic_of(postgres)), DB_INT(item->partition)};
	AUTO(pgresult)
	PGresult *result = db_query(postgres->conn, &sql_partition_ends, params, 2, err);
	if (!result)
		return -ENOTCONN;
	if (PQntuples(result) == 0)
		return error_set_class(err, ERROR_RETRY, ENXIO, "partition %d of %s does not exist",
		                       item->partition, topic_of(postgres));
	int64_t first = db_cell_int(result, 0, 0);
	int64_t end = db_cell_int(result, 0, 1);
	if (item->next == BUS_OFFSET_END)
		item->next = end;
	else if (item->next < first || item->next > end)
		item->next = first;
	item->settled = true;
	return 0;
}

static int settle(struct postgres_consumer *postgres, struct error *err)
{
	struct assignment *assignment = &postgres->consumer.assignment;
	int rc = 0;
	if (postgres->consumer.options.group)
		rc = postgres_group_balance(&postgres->group, postgres->conn, topic_of(postgres),
		                            assignment, &postgres->consumer.options, err);
	(void)assignment_locate(assignment, &postgres->consumer.options);
	for (size_t i = 0; rc == 0 && i < assignment->count; i++) {
		struct assigned_partition *item = &assignment->items[i];
		if (item->known && !item->settled)
			rc = settle_partition(postgres, item, err);
	}
	return rc;
}

/* The next rows of all partitions that are being read; NULL without an error: there are none. */
static PGresult *fetch_rows(struct postgres_consumer *postgres, size_t max, struct error *err)
{
	const struct assignment *assignment = &postgres->consumer.assignment;
	AUTO(db_array) struct db_array partitions;
	AUTO(db_array) struct db_array offsets;
	db_array_init(&partitions, DB_ARRAY_INT4);
	db_array_init(&offsets, DB_ARRAY_INT8);
	postgres->turn++;
	for (size_t i = 0; i < assignment->count; i++) {
		const struct assigned_partition *item =
		        &assignment->items[(postgres->turn + i) % assignment->count];
		if (!item->settled || item->paused)
			continue;
		db_array_add_int4(&partitions, item->partition);
		db_array_add_int8(&offsets, item->next);
	}
	if (partitions.count == 0)
		return NULL;
	const struct db_param params[] = {DB_TEXT(topic_of(postgres)), db_array_param(&partitions),
	                                  db_array_param(&offsets), DB_INT((int64_t)max),
	                                  DB_INT(FETCH_MAX_BYTES)};
	return db_query_binary(postgres->conn, &sql_fetch, params, 5, err);
}

static struct bus_message message_of(const struct postgres_consumer *postgres,
                                     struct fetched *fetched, int row)
{
	const PGresult *result = fetched->result;
	return (struct bus_message){.topic = postgres->consumer.options.topic,
	                            .partition = (int32_t)db_cell_binary_int(result, row, 0),
	                            .offset = db_cell_binary_int(result, row, 1),
	                            .timestamp_ms = db_cell_binary_int(result, row, 4),
	                            .key = db_cell_bytes(result, row, 2),
	                            .value = db_cell_bytes(result, row, 3),
	                            .owner = fetched,
	                            .release = release_fetched};
}

static int fetch(struct postgres_consumer *postgres, struct bus_message *messages, size_t max,
                 struct error *err)
{
	struct error failure = {0};
	PGresult *result = fetch_rows(postgres, max, &failure);
	if (!result && failure.code && err)
		*err = failure;
	int rows = result ? PQntuples(result) : 0;
	if (rows == 0) {
		PQclear(result);
		return -failure.code;
	}
	struct fetched *fetched = xmalloc(sizeof(*fetched));
	fetched->result = result;
	atomic_init(&fetched->references, rows);
	for (int row = 0; row < rows; row++) {
		messages[row] = message_of(postgres, fetched, row);
		assignment_find(&postgres->consumer.assignment, messages[row].partition)->next =
		        messages[row].offset + 1;
	}
	return rows;
}

/* "topic:partition" */
static void on_notified(void *ctx, const char *channel, const char *payload)
{
	struct postgres_consumer *postgres = ctx;
	struct view rest = view_of_string(payload);
	int64_t partition = 0;
	(void)channel;
	if (!view_is(view_split(&rest, ':'), topic_of(postgres)) || !view_to_i64(rest, &partition))
		return;
	if (assignment_find(&postgres->consumer.assignment, (int32_t)partition))
		postgres->woken = true;
}

/* Until a notification for us, the deadline, or the next thing that settle() should look at. */
static int wait_for_news(struct postgres_consumer *postgres, int64_t deadline_ms, struct error *err)
{
	const struct assignment *assignment = &postgres->consumer.assignment;
	if (postgres->consumer.options.group && postgres->group.next_round_ms < deadline_ms)
		deadline_ms = postgres->group.next_round_ms;
	for (size_t i = 0; i < assignment->count; i++)
		if (!assignment->items[i].known && assignment->items[i].ask_at_ms < deadline_ms)
			deadline_ms = assignment->items[i].ask_at_ms;
	postgres->woken = false;
	int rc = 0;
	while (rc == 0 && !postgres->woken) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		if (left_ms <= 0)
			break;
		rc = db_conn_wait(postgres->conn, left_ms, on_notified, postgres, err);
	}
	return rc;
}

static int poll_connected(struct postgres_consumer *postgres, struct bus_message *messages,
                          size_t max, int64_t timeout_ms, struct error *err)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	for (;;) {
		int rc = settle(postgres, err);
		if (rc == 0)
			rc = fetch(postgres, messages, max, err);
		if (rc != 0 || clock_monotonic_ms() >= deadline_ms)
			return rc;
		rc = wait_for_news(postgres, deadline_ms, err);
		if (rc)
			return rc;
	}
}

static void pause_ms(int64_t ms)
{
	struct timespec pause = {.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};
	(void)nanosleep(&pause, NULL);
}

static int poll_messages(struct bus_consumer *consumer, struct bus_message *messages, size_t max,
                         int64_t timeout_ms, struct error *err)
{
	struct postgres_consumer *postgres = postgres_of(consumer);
	struct error failure = {0};
	int rc = connect_session(postgres, &failure);
	if (rc == 0)
		rc = poll_connected(postgres, messages, max, timeout_ms, &failure);
	if (rc >= 0) {
		bus_health_ok(&consumer->bus->health);
		return rc;
	}
	if (err)
		*err = failure;
	pause_ms(timeout_ms < RECONNECT_PAUSE_MS ? timeout_ms : RECONNECT_PAUSE_MS);
	return disconnect(postgres, rc, &failure);
}

/* The table is looked at anew by every poll. */
static void repositioned(struct bus_consumer *consumer)
{
	(void)consumer;
}

/* consumer_offsets, in the same database, is where lag tools look. */
static int note_offset(struct bus_consumer *consumer, int32_t partition, int64_t next_offset,
                       struct error *err)
{
	(void)consumer;
	(void)partition;
	(void)next_offset;
	(void)err;
	return 0;
}

static void close_consumer(struct bus_consumer *consumer)
{
	struct postgres_consumer *postgres = postgres_of(consumer);
	(void)disconnect(postgres, 0, NULL);
	bus_consumer_release(consumer);
	free(postgres);
}

static const struct bus_consumer_ops consumer_ops = {
        .close = close_consumer,
        .poll = poll_messages,
        .repositioned = repositioned,
        .note_offset = note_offset,
};

struct bus_consumer *postgres_consumer_open(struct bus *bus,
                                            const struct bus_consumer_options *options,
                                            struct error *err)
{
	(void)err; /* it connects when it is polled */
	struct postgres_consumer *postgres = xcalloc(1, sizeof(*postgres));
	bus_consumer_init(&postgres->consumer, &consumer_ops, bus, options);
	postgres->db = ((struct postgres_bus *)bus)->db;
	return &postgres->consumer;
}
