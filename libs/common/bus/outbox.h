// SPDX-License-Identifier: Apache-2.0
/*
 * Transactional outbox: records that must go out exactly when a transaction commits are written to
 * the `outbox` table in it, and a relay thread publishes them in order of id and deletes them.
 * One relay works at a time (advisory lock); a crash between publish and delete doubles a record,
 * never loses one.
 */
#ifndef FANGS_BUS_OUTBOX_H
#define FANGS_BUS_OUTBOX_H

#include "bus/bus.h"
#include "db/db.h"

/* Within the caller's transaction; also NOTIFYs `fangs_outbox`. */
int outbox_add(struct db_conn *conn, const struct bus_record *record, struct error *err);
/* Many in one statement, in this order. */
int outbox_add_many(struct db_conn *conn, const struct bus_record *records, size_t count,
                    struct error *err);

struct outbox_relay;
/* Starts the relay thread; it wakes by notification and every second, logs and backs off by itself
 * when database or broker are away. `owner` names the service in logs. */
struct outbox_relay *outbox_relay_start(struct db *db, struct bus *bus, const char *owner,
                                        struct error *err);
void outbox_relay_stop(struct outbox_relay *relay); /* after the batch in flight */

#endif
