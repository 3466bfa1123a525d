// SPDX-License-Identifier: Apache-2.0
#include "bus/bus_sql.h"

const struct db_statement sql_create_topic = {
        "bus_create_topic", "INSERT INTO bus_partitions (topic, partition)"
                            " SELECT $1, p FROM generate_series(0, $2::int - 1) AS p"
                            " WHERE NOT EXISTS (SELECT FROM bus_partitions WHERE topic = $1)"
                            " ON CONFLICT DO NOTHING"};

const struct db_statement sql_grow_topic = {
        "bus_grow_topic", "INSERT INTO bus_partitions (topic, partition)"
                          " SELECT $1, p FROM generate_series(0, $2::int - 1) AS p"
                          " ON CONFLICT DO NOTHING"};

const struct db_statement sql_count_partitions = {
        "bus_count_partitions", "SELECT count(*) FROM bus_partitions WHERE topic = $1"};

const struct db_statement sql_partition_ends = {
        "bus_partition_ends", "SELECT first_offset, next_offset FROM bus_partitions"
                              " WHERE topic = $1 AND partition = $2"};

/* The rows of the partitions are locked in one order by everybody, so producers wait for each other
 * and never in a circle; a record of a partition without a row gets the offset NULL. */
const struct db_statement sql_append = {
        "bus_append",
        "WITH input AS ("
        " SELECT * FROM unnest($1::text[], $2::int[], $3::bytea[], $4::bytea[])"
        " WITH ORDINALITY AS x (topic, partition, key, value, position)"
        "), wanted AS ("
        " SELECT topic, partition, count(*) AS records FROM input GROUP BY topic, partition"
        "), held AS ("
        " SELECT b.topic, b.partition, b.next_offset, w.records"
        " FROM bus_partitions b JOIN wanted w USING (topic, partition)"
        " ORDER BY b.topic, b.partition FOR UPDATE OF b"
        "), moved AS ("
        " UPDATE bus_partitions b SET next_offset = h.next_offset + h.records FROM held h"
        " WHERE b.topic = h.topic AND b.partition = h.partition"
        "), stored AS ("
        " INSERT INTO bus_messages (topic, partition, log_offset, key, value)"
        " SELECT i.topic, i.partition, h.next_offset - 1 +"
        "  row_number() OVER (PARTITION BY i.topic, i.partition ORDER BY i.position),"
        "  i.key, i.value"
        " FROM input i LEFT JOIN held h USING (topic, partition)"
        ") SELECT pg_notify('fangs_bus', topic || ':' || partition) FROM wanted"};

/* The rows of one partition come in order, because the inner query sorts them; partitions come in
 * the order of the arrays, and none is read once the limit is reached. */
const struct db_statement sql_fetch = {
        "bus_fetch",
        "SELECT w.partition, m.log_offset, m.key, m.value,"
        " (extract(epoch FROM m.created_at) * 1000)::bigint"
        " FROM unnest($2::int[], $3::bigint[]) AS w (partition, log_offset),"
        " LATERAL (SELECT * FROM ("
        "  SELECT log_offset, key, value, created_at,"
        "  sum(octet_length(value)) OVER (ORDER BY log_offset) - octet_length(value) AS before"
        "  FROM (SELECT * FROM bus_messages"
        "   WHERE topic = $1 AND partition = w.partition AND log_offset >= w.log_offset"
        "   ORDER BY log_offset LIMIT $4::int) AS few"
        " ) AS sized WHERE before < $5::bigint) AS m LIMIT $4::int"};

const struct db_statement sql_group_locks = {
        "bus_group_locks",
        "SELECT classid::bigint, objid::bigint, pid = pg_backend_pid() FROM pg_locks"
        " WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint IN ($1::bigint, $2::bigint) ORDER BY 1, 2"};

/* pg_locks shows the two keys as unsigned numbers, the functions take signed ones. */
const struct db_statement sql_lock = {
        "bus_lock", "SELECT id, pg_try_advisory_lock($1::int, id) FROM unnest($2::int[]) AS id"};

const struct db_statement sql_unlock = {"bus_unlock",
                                        "SELECT pg_advisory_unlock($1::int, $2::int)"};

const struct db_statement sql_retention_lock = {
        "bus_retention_lock", "SELECT pg_try_advisory_xact_lock(x'66616e677302'::bigint)"};

/* Whole from the front: up to the first message that is young enough or that a group has not
 * consumed. A group is known for a topic once it has stored any offset in it. */
const struct db_statement sql_expire = {
        "bus_expire",
        "WITH front AS ("
        " SELECT first_offset, least(first_offset + $5::bigint, next_offset,"
        "  (SELECT min(coalesce(o.next_offset, 0))"
        "   FROM (SELECT DISTINCT consumer_group FROM consumer_offsets WHERE topic = $2) AS g"
        "   LEFT JOIN consumer_offsets o ON o.consumer_group = g.consumer_group"
        "    AND o.topic = $2 AND o.partition = $3::int)) AS bound"
        " FROM bus_partitions WHERE topic = $1 AND partition = $3::int"
        "), old AS ("
        " SELECT coalesce((SELECT min(m.log_offset) FROM bus_messages m"
        "  WHERE m.topic = $1 AND m.partition = $3::int"
        "  AND m.log_offset >= front.first_offset AND m.log_offset < front.bound"
        "  AND m.created_at >= now() - make_interval(secs => $4::int)), front.bound) AS bound"
        " FROM front"
        "), gone AS ("
        " DELETE FROM bus_messages m USING old"
        " WHERE m.topic = $1 AND m.partition = $3::int AND m.log_offset < old.bound"
        " RETURNING 1"
        "), moved AS ("
        " UPDATE bus_partitions b SET first_offset = old.bound FROM old"
        " WHERE b.topic = $1 AND b.partition = $3::int AND old.bound > b.first_offset"
        ") SELECT count(*) FROM gone"};

const struct db_statement sql_offset_load = {
        "offset_load", "SELECT next_offset FROM consumer_offsets"
                       " WHERE consumer_group = $1 AND topic = $2 AND partition = $3"};

const struct db_statement sql_offset_insert = {
        "offset_insert",
        "INSERT INTO consumer_offsets (consumer_group, topic, partition, next_offset)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"};

const struct db_statement sql_offset_advance = {
        "offset_advance",
        "UPDATE consumer_offsets SET next_offset = $5, updated_at = now()"
        " WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND next_offset = $4"};

const struct db_statement sql_outbox_add = {
        "outbox_add",
        "WITH added AS (INSERT INTO outbox (topic, partition, key, value) VALUES ($1, $2, $3, $4))"
        " SELECT pg_notify('fangs_outbox', '')"};

const struct db_statement sql_outbox_add_many = {
        "outbox_add_many",
        "WITH added AS (INSERT INTO outbox (topic, partition, key, value)"
        " SELECT r.topic, r.partition, r.key, r.value"
        " FROM unnest($1::text[], $2::int[], $3::bytea[], $4::bytea[])"
        " WITH ORDINALITY AS r (topic, partition, key, value, position) ORDER BY r.position)"
        " SELECT pg_notify('fangs_outbox', '')"};

const struct db_statement sql_outbox_lock = {
        "outbox_lock", "SELECT pg_try_advisory_lock(x'66616e677303'::bigint)"};

const struct db_statement sql_outbox_read = {"outbox_read",
                                             "SELECT id, topic, partition, key, value FROM outbox"
                                             " ORDER BY id LIMIT $1::int"};

const struct db_statement sql_outbox_delete = {"outbox_delete",
                                               "DELETE FROM outbox WHERE id = ANY ($1::bigint[])"};

const struct db_statement sql_dead_letter_add = {
        "dead_letter_add",
        "INSERT INTO dead_letters (service, topic, partition, log_offset, key, value, reason)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (service, topic, partition, log_offset) DO UPDATE"
        " SET reason = excluded.reason"};
