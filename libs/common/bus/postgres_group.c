// SPDX-License-Identifier: Apache-2.0
#include "bus/postgres_group.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bus/bus_sql.h"
#include "bus/postgres.h"

/* A round takes place every second, and sooner while others have yet to give back our share. */
enum { ROUND_MS = 1000, SHORT_ROUND_MS = 200 };

/* What one look at the locks tells. */
struct group_view {
	size_t partitions;
	bool *taken;         /* by partition */
	size_t others, rank; /* members beside us, and how many of them were there before */
	bool found_self;
};

size_t postgres_group_share(size_t partitions, size_t members, size_t rank)
{
	return partitions / members + (rank < partitions % members);
}

static int32_t lock_class(const char *kind, const char *group, const char *topic)
{
	AUTO(free) char *text = xasprintf("fangs bus %s:%s:%s", kind, group, topic);
	uint64_t hash = view_hash(view_of_string(text));
	return (int32_t)(uint32_t)(hash ^ hash >> 32);
}

/* Tries for the locks; returns those that were got, -1 on error. Owned by the caller. */
static PGresult *try_locks(struct db_conn *conn, int32_t class, struct db_array *ids,
                           struct error *err)
{
	const struct db_param params[] = {DB_INT(class), db_array_param(ids)};
	return db_query(conn, &sql_lock, params, 2, err);
}

/* Members are ranked by their keys: the start time keeps the ranks of those who were there before,
 * and so their partitions. */
int postgres_group_join(struct postgres_group *group, struct db_conn *conn, const char *name,
                        const char *topic, struct error *err)
{
	group->member_class = lock_class("member", name, topic);
	group->partition_class = lock_class("partition", name, topic);
	group->next_round_ms = 0;
	group->member = (int32_t)(clock_wall_ns() / NS_PER_S & INT32_MAX);
	for (;;) {
		struct db_array ids;
		db_array_init(&ids, DB_ARRAY_INT4);
		db_array_add_int4(&ids, group->member);
		AUTO(pgresult) PGresult *result = try_locks(conn, group->member_class, &ids, err);
		db_array_release(&ids);
		if (!result)
			return -ENOTCONN;
		if (db_cell_bool(result, 0, 1))
			return 0;
		group->member = (group->member + 1) & INT32_MAX;
	}
}

static void see_lock(const struct postgres_group *group, struct group_view *view, uint32_t class,
                     int64_t id, bool mine)
{
	if (class == (uint32_t)group->partition_class && (size_t)id < view->partitions)
		view->taken[id] = true;
	if (class != (uint32_t)group->member_class)
		return;
	if (mine) {
		view->found_self = true;
		return;
	}
	view->others++;
	view->rank += id < group->member;
}

static int look(const struct postgres_group *group, struct db_conn *conn, struct group_view *view,
                struct error *err)
{
	const struct db_param params[] = {DB_INT((uint32_t)group->member_class),
	                                  DB_INT((uint32_t)group->partition_class)};
	AUTO(pgresult) PGresult *result = db_query(conn, &sql_group_locks, params, 2, err);
	if (!result)
		return -ENOTCONN;
	for (int row = 0; row < PQntuples(result); row++)
		see_lock(group, view, (uint32_t)db_cell_int(result, row, 0),
		         db_cell_int(result, row, 1), db_cell_bool(result, row, 2));
	if (!view->found_self)
		return error_set_class(err, ERROR_RETRY, ENOTCONN,
		                       "the membership of a consumer group was lost");
	return 0;
}

static int give_back(const struct postgres_group *group, struct db_conn *conn,
                     struct assignment *assignment, const struct bus_consumer_options *options,
                     size_t share, struct error *err)
{
	while (assignment->count > share) {
		int32_t partition = assignment->items[assignment->count - 1].partition;
		assignment_revoke(assignment, options, partition);
		const struct db_param params[] = {DB_INT(group->partition_class),
		                                  DB_INT(partition)};
		AUTO(pgresult) PGresult *result = db_query(conn, &sql_unlock, params, 2, err);
		if (!result)
			return -ENOTCONN;
	}
	return 0;
}

/* Begins at another place than the other members do, so that they seldom want the same ones. */
static int take_free(const struct postgres_group *group, struct db_conn *conn,
                     const struct group_view *view, struct assignment *assignment, size_t share,
                     struct error *err)
{
	struct db_array ids;
	size_t first = view->rank * view->partitions / (view->others + 1);
	db_array_init(&ids, DB_ARRAY_INT4);
	for (size_t i = 0; i < view->partitions && assignment->count + ids.count < share; i++) {
		size_t partition = (first + i) % view->partitions;
		if (!view->taken[partition])
			db_array_add_int4(&ids, (int32_t)partition);
	}
	AUTO(pgresult)
	PGresult *result = ids.count ? try_locks(conn, group->partition_class, &ids, err) : NULL;
	bool failed = ids.count && !result;
	db_array_release(&ids);
	for (int row = 0; result && row < PQntuples(result); row++)
		if (db_cell_bool(result, row, 1))
			(void)assignment_add(assignment, (int32_t)db_cell_int(result, row, 0));
	return failed ? -ENOTCONN : 0;
}

static int one_round(struct postgres_group *group, struct db_conn *conn, struct group_view *view,
                     struct assignment *assignment, const struct bus_consumer_options *options,
                     struct error *err)
{
	int rc = look(group, conn, view, err);
	if (rc)
		return rc;
	size_t share = postgres_group_share(view->partitions, view->others + 1, view->rank);
	rc = give_back(group, conn, assignment, options, share, err);
	if (rc == 0)
		rc = take_free(group, conn, view, assignment, share, err);
	group->next_round_ms =
	        clock_monotonic_ms() + (assignment->count < share ? SHORT_ROUND_MS : ROUND_MS);
	return rc;
}

int postgres_group_balance(struct postgres_group *group, struct db_conn *conn, const char *topic,
                           struct assignment *assignment,
                           const struct bus_consumer_options *options, struct error *err)
{
	if (clock_monotonic_ms() < group->next_round_ms)
		return 0;
	int32_t partitions = postgres_count_on(conn, topic, err);
	if (partitions < 0)
		return partitions;
	struct group_view view = {.partitions = (size_t)partitions};
	view.taken = xcalloc(view.partitions, sizeof(*view.taken));
	int rc = one_round(group, conn, &view, assignment, options, err);
	free(view.taken);
	return rc;
}
