// SPDX-License-Identifier: Apache-2.0
/*
 * The consume loop of a service that answers each message with database work: one transaction per
 * batch of messages holds the handlers' rows and the advanced offset. A handler's answer is one of
 * three; the loop alone decides on commit, back-off and dead letters.
 */
#ifndef FANGS_BUS_CONSUME_H
#define FANGS_BUS_CONSUME_H

#include "bus/bus.h"
#include "db/db.h"
#include "service/service.h"

enum handled {
	HANDLED_DONE,
	HANDLED_RETRY,       /* roll back, back off, same message again; `*err` says why */
	HANDLED_DEAD_LETTER, /* keep the message in dead_letters with err->text, go on */
};

struct consume_options {
	struct service *service;
	struct db *db;
	struct bus *bus;
	enum bus_topic topic;
	const char *group;
	enum handled (*handle)(void *ctx, struct db_conn *conn, const struct bus_message *message,
	                       struct error *err);
	/* All of the following may be NULL; all are called by the thread of consume(). */
	void (*committed)(void *ctx); /* after a successful commit */
	/* The transaction was rolled back: forget what handle() put into memory since the last
	 * committed() or rolled_back(). The same messages come again. */
	void (*rolled_back)(void *ctx);
	/* The partition is ours from now on / is not ours any more (also called when another
	 * replica turned out to have moved its offset): drop what is in memory of it. */
	void (*assigned)(void *ctx, int32_t partition);
	void (*revoked)(void *ctx, int32_t partition);
	/* Between batches, at least twice a second, outside of any transaction. */
	void (*tick)(void *ctx);
	void *ctx;
};

/* Runs until the service stops. Returns 0, or a negative errno with a FATAL error. */
int consume(const struct consume_options *options, struct error *err);

/* Within the caller's transaction: keeps the message with its reason; counted in
 * fangs_dead_letters_total{topic}. */
int dead_letter_add(struct db_conn *conn, const struct bus_message *message, const char *service,
                    const char *reason, struct error *err);

#endif
