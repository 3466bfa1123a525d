// SPDX-License-Identifier: Apache-2.0
#include "bus/offsets.h"

#include <errno.h>

#include "bus/bus_sql.h"

int64_t offsets_load(struct db *db, const char *group, enum bus_topic topic, int32_t partition,
                     struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, err);
	if (!conn)
		return -ENOTCONN;
	const struct db_param params[] = {DB_TEXT(group), DB_TEXT(bus_topic_base_name(topic)),
	                                  DB_INT(partition)};
	AUTO(pgresult) PGresult *result = db_query(conn, &sql_offset_load, params, 3, err);
	if (!result)
		return -ENOTCONN;
	return PQntuples(result) ? db_cell_int(result, 0, 0) : 0;
}

/* The first time there is no row: an insert that finds one now was too late. */
static int64_t insert(struct db_conn *conn, const struct db_param *group_topic_partition,
                      int64_t next, struct error *err)
{
	const struct db_param params[] = {group_topic_partition[0], group_topic_partition[1],
	                                  group_topic_partition[2], DB_INT(next)};
	return db_exec(conn, &sql_offset_insert, params, 4, err);
}

int offsets_advance(struct db_conn *conn, const char *group, enum bus_topic topic,
                    int32_t partition, int64_t expected, int64_t next, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(group), DB_TEXT(bus_topic_base_name(topic)),
	                                  DB_INT(partition), DB_INT(expected), DB_INT(next)};
	int64_t rows = db_exec(conn, &sql_offset_advance, params, 5, err);
	if (rows == 0 && expected == 0)
		rows = insert(conn, params, next, err);
	if (rows < 0)
		return (int)rows;
	if (rows == 1)
		return 0;
	return error_set_class(err, ERROR_RETRY, ESTALE,
	                       "another replica of %s has moved on in %s, partition %d", group,
	                       bus_topic_base_name(topic), partition);
}
