// SPDX-License-Identifier: Apache-2.0
/*
 * Membership of a consumer group of the postgres driver, without a coordinator and without rows.
 *
 * A member holds a session advisory lock of its own and one per partition that it owns, all on the
 * consumer's connection. Everybody sees from the locks who is alive, works out its own fair share,
 * gives back what is too much and takes what is free. The server drops the locks of a session that
 * ends, so a killed member is replaced within one round.
 *
 * Invariant: a partition is in the assignment only while this session holds its lock.
 */
#ifndef FANGS_BUS_POSTGRES_GROUP_H
#define FANGS_BUS_POSTGRES_GROUP_H

#include "bus/assignment.h"

struct postgres_group {
	int32_t member_class, partition_class; /* first keys of the locks */
	int32_t member;                        /* second key of ours */
	int64_t next_round_ms;                 /* monotonic */
};

/* On a fresh connection, with nothing assigned. */
int postgres_group_join(struct postgres_group *group, struct db_conn *conn, const char *name,
                        const char *topic, struct error *err);

/* One round, if it is due. After an error the connection must be given up. */
int postgres_group_balance(struct postgres_group *group, struct db_conn *conn, const char *topic,
                           struct assignment *assignment,
                           const struct bus_consumer_options *options, struct error *err);

/* How many of `partitions` the member with this rank (from 0) of `members` should own. */
size_t postgres_group_share(size_t partitions, size_t members, size_t rank);

#endif
