// SPDX-License-Identifier: Apache-2.0
/* The postgres driver: opening, closing, topics. */
#include "bus/postgres.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "bus/bus_sql.h"

static struct postgres_bus *postgres_of(struct bus *bus)
{
	return (struct postgres_bus *)bus;
}

int postgres_create_topics(struct bus *bus, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(postgres_of(bus)->db, err);
	if (!conn)
		return -ENOTCONN;
	for (int topic = 0; topic < BUS_TOPIC_COUNT; topic++) {
		/* Each runner owns a partition of jobs, so more of them disturb nobody. The other
		 * topics keep theirs: a key would change its partition. */
		const struct db_statement *statement =
		        topic == BUS_JOBS ? &sql_grow_topic : &sql_create_topic;
		const struct db_param params[] = {
		        DB_TEXT(bus->names[topic]),
		        DB_INT(bus_configured_partitions(bus, (enum bus_topic)topic))};
		int64_t rows = db_exec(conn, statement, params, 2, err);
		if (rows < 0)
			return (int)rows;
	}
	return 0;
}

int32_t postgres_count_on(struct db_conn *conn, const char *topic, struct error *err)
{
	AUTO(pgresult)
	PGresult *result = db_query(conn, &sql_count_partitions, &DB_TEXT(topic), 1, err);
	if (!result)
		return -ENOTCONN;
	int32_t count = (int32_t)db_cell_int(result, 0, 0);
	if (count == 0)
		return error_set_class(err, ERROR_RETRY, ENXIO, "topic %s does not exist yet",
		                       topic);
	return count;
}

int32_t postgres_partition_count(struct bus *bus, enum bus_topic topic, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(postgres_of(bus)->db, err);
	return conn ? postgres_count_on(conn, bus->names[topic], err) : -ENOTCONN;
}

static int64_t end_offset(struct bus *bus, enum bus_topic topic, int32_t partition,
                          struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(postgres_of(bus)->db, err);
	if (!conn)
		return -ENOTCONN;
	const struct db_param params[] = {DB_TEXT(bus->names[topic]), DB_INT(partition)};
	AUTO(pgresult) PGresult *result = db_query(conn, &sql_partition_ends, params, 2, err);
	if (!result)
		return -ENOTCONN;
	if (PQntuples(result) == 0)
		return error_set_class(err, ERROR_RETRY, ENXIO, "partition %d of %s does not exist",
		                       partition, bus->names[topic]);
	return db_cell_int(result, 0, 1);
}

static void close_bus(struct bus *bus)
{
	struct postgres_bus *postgres = postgres_of(bus);
	worker_stop(postgres->retention);
	postgres_producer_stop(postgres->producer);
	bus_release(bus);
	free(postgres);
}

static const struct bus_ops postgres_ops = {
        .close = close_bus,
        .create_topics = postgres_create_topics,
        .partition_count = postgres_partition_count,
        .produce = postgres_produce,
        .flush = postgres_flush,
        .end_offset = end_offset,
        .consumer_open = postgres_consumer_open,
};

struct bus *bus_postgres_open(const struct bus_config *config, struct db *db,
                              const char *client_name, struct error *err)
{
	if (!db) {
		error_set(err, EINVAL, "bus.driver is postgres, but this program has no database");
		return NULL;
	}
	struct postgres_bus *postgres = xcalloc(1, sizeof(*postgres));
	bus_init(&postgres->bus, &postgres_ops, config, client_name);
	postgres->db = db;
	postgres->producer = postgres_producer_start(postgres, err);
	if (postgres->producer)
		postgres->retention =
		        worker_start("bus-retention", postgres_retention_run, postgres, err);
	if (!postgres->producer || !postgres->retention) {
		close_bus(&postgres->bus);
		return NULL;
	}
	return &postgres->bus;
}
