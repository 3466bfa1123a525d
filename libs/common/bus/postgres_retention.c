// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/clock.h"
#include "base/worker.h"
#include "bus/bus_sql.h"
#include "bus/postgres.h"

enum { ROUND_MS = 60 * MS_PER_S, CHUNK_ROWS = 5000 };

/* One chunk of one partition. */
struct chunk {
	struct postgres_bus *bus;
	enum bus_topic topic;
	int32_t partition;
	int64_t deleted;
};

static int expire_chunk(void *ctx, struct db_conn *conn, struct error *err)
{
	struct chunk *chunk = ctx;
	const struct bus *bus = &chunk->bus->bus;
	AUTO(pgresult) PGresult *lock = db_query(conn, &sql_retention_lock, NULL, 0, err);
	if (!lock)
		return -ENOTCONN;
	chunk->deleted = 0;
	if (!db_cell_bool(lock, 0, 0))
		return 0; /* another process is at it */
	const struct db_param params[] = {
	        DB_TEXT(bus->names[chunk->topic]), DB_TEXT(bus_topic_base_name(chunk->topic)),
	        DB_INT(chunk->partition), DB_INT(bus->config.retention_ms / MS_PER_S),
	        DB_INT(CHUNK_ROWS)};
	AUTO(pgresult) PGresult *result = db_query(conn, &sql_expire, params, 5, err);
	if (!result)
		return -ENOTCONN;
	chunk->deleted = db_cell_int(result, 0, 0);
	return 0;
}

static int64_t expire_topic(struct postgres_bus *bus, enum bus_topic topic, struct error *err)
{
	int64_t deleted = 0;
	int32_t partitions = postgres_partition_count(&bus->bus, topic, err);
	if (partitions < 0)
		return partitions;
	for (int32_t partition = 0; partition < partitions; partition++) {
		struct chunk chunk = {.bus = bus, .topic = topic, .partition = partition};
		do {
			int rc = db_transaction(bus->db, expire_chunk, &chunk, err);
			if (rc)
				return rc;
			deleted += chunk.deleted;
		} while (chunk.deleted == CHUNK_ROWS);
	}
	return deleted;
}

int64_t postgres_expire(struct postgres_bus *bus, struct error *err)
{
	int64_t deleted = 0;
	for (int topic = 0; topic < BUS_TOPIC_COUNT; topic++) {
		int64_t rc = expire_topic(bus, (enum bus_topic)topic, err);
		if (rc < 0)
			return rc;
		deleted += rc;
	}
	return deleted;
}

/* A round that fails because the database is away is made up for by the next one. */
void postgres_retention_run(void *ctx, struct worker *worker)
{
	struct postgres_bus *bus = ctx;
	while (worker_sleep_ms(worker, ROUND_MS))
		(void)postgres_expire(bus, NULL);
}
