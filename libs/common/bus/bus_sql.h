// SPDX-License-Identifier: Apache-2.0
/* Every SQL statement of the bus: the tables of db/migrations/fangs_0002_bus.sql. */
#ifndef FANGS_BUS_BUS_SQL_H
#define FANGS_BUS_BUS_SQL_H

#include "db/db.h"

/* Topics: $1 full name, $2 number of partitions. */
extern const struct db_statement sql_create_topic; /* unless it exists */
extern const struct db_statement sql_grow_topic;   /* only adds */
extern const struct db_statement sql_count_partitions;
/* $1 topic, $2 partition -> first_offset, next_offset */
extern const struct db_statement sql_partition_ends;

/* Appends records: arrays of topics, partitions, keys, values. A partition that does not exist
 * violates a constraint, and nothing is appended. */
extern const struct db_statement sql_append;

/* $1 topic, arrays $2 partitions, $3 offsets; $4 rows at most, $5 bytes at most per partition
 * -> partition, log_offset, key, value, milliseconds; for binary results */
extern const struct db_statement sql_fetch;

/* Group membership: $1 and $2 the lock classes of members and of partitions -> class, id, mine */
extern const struct db_statement sql_group_locks;
extern const struct db_statement sql_lock;   /* $1 class, $2 array of ids -> id, got */
extern const struct db_statement sql_unlock; /* $1 class, $2 id */

/* Retention: $1 topic, $2 its base name, $3 partition, $4 seconds, $5 rows at most -> deleted */
extern const struct db_statement sql_retention_lock; /* for the transaction -> got */
extern const struct db_statement sql_expire;

/* Offsets: $1 group, $2 base name, $3 partition; $4 expected, $5 next. */
extern const struct db_statement sql_offset_load;
extern const struct db_statement sql_offset_insert;
extern const struct db_statement sql_offset_advance;

/* Outbox. */
extern const struct db_statement sql_outbox_add;      /* topic, partition, key, value */
extern const struct db_statement sql_outbox_add_many; /* the same, as arrays */
extern const struct db_statement sql_outbox_lock;     /* of the session -> got */
extern const struct db_statement sql_outbox_read;     /* $1 rows at most; for binary results */
extern const struct db_statement sql_outbox_delete;   /* $1 array of ids */

/* service, topic, partition, offset, key, value, reason */
extern const struct db_statement sql_dead_letter_add;

#endif
