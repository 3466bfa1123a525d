// SPDX-License-Identifier: Apache-2.0
/* Notifications: waiting on a session, and the listener that reconnects by itself. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "db/db_internal.h"

enum { RECONNECT_BASE_MS = 100, RECONNECT_MAX_MS = 5000 };

struct db_listener {
	struct db_conn *conn;
	char **channels;
	size_t count;
	unsigned failures; /* connects that failed in a row */
	bool listening;
};

/* Hands out what has arrived; returns how many. */
static int deliver(struct db_conn *conn, db_notified_fn notified, void *ctx)
{
	int count = 0;
	for (PGnotify *notify; (notify = PQnotifies(conn->pg)); count++) {
		notified(ctx, notify->relname, notify->extra);
		PQfreemem(notify);
	}
	return count;
}

int db_conn_wait(struct db_conn *conn, int64_t timeout_ms, db_notified_fn notified, void *ctx,
                 struct error *err)
{
	int64_t deadline = clock_monotonic_ms() + timeout_ms;
	for (;;) {
		if (PQconsumeInput(conn->pg) != 1 || PQstatus(conn->pg) != CONNECTION_OK)
			return db_conn_fail(conn, NULL, "waiting for notifications", err);
		int64_t left_ms = deadline - clock_monotonic_ms();
		if (deliver(conn, notified, ctx) || left_ms <= 0)
			return 0;
		struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
		if (poll(&fd, 1, (int)left_ms) < 0 && errno != EINTR)
			return error_set_errno(err, errno, "database: waiting for notifications");
	}
}

int db_conn_listen(struct db_conn *conn, const char *channel, struct error *err)
{
	AUTO(buf) struct buf sql;
	buf_init(&sql, 256);
	char *quoted = PQescapeIdentifier(conn->pg, channel, strlen(channel));
	buf_printf(&sql, "LISTEN %s", quoted ? quoted : "");
	PQfreemem(quoted);
	return db_script(conn, sql.data, err);
}

struct db_listener *db_listen(struct db *db, const char *const *channels, size_t count,
                              struct error *err)
{
	if (count == 0) {
		error_set(err, EINVAL, "database: no channels to listen on");
		return NULL;
	}
	struct db_listener *listener = xcalloc(1, sizeof(*listener));
	listener->conn = db_conn_create(db, false);
	listener->channels = xcalloc(count, sizeof(*listener->channels));
	listener->count = count;
	for (size_t i = 0; i < count; i++)
		listener->channels[i] = xstrdup(channels[i]);
	return listener;
}

void db_listener_destroy(struct db_listener *listener)
{
	if (!listener)
		return;
	db_conn_destroy(listener->conn);
	for (size_t i = 0; i < listener->count; i++)
		free(listener->channels[i]);
	free(listener->channels);
	free(listener);
}

static int listen_again(struct db_listener *listener, struct error *err)
{
	int rc = db_conn_connect(listener->conn, err);
	for (size_t i = 0; rc == 0 && i < listener->count; i++)
		rc = db_conn_listen(listener->conn, listener->channels[i], err);
	listener->listening = rc == 0;
	if (rc)
		db_conn_disconnect(listener->conn);
	return rc;
}

static void sleep_ms(int64_t ms)
{
	struct timespec pause = {.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};
	(void)nanosleep(&pause, NULL);
}

/* A failed reconnect takes its time here, so that a loop around the poll does not spin. */
static int recover(struct db_listener *listener, int64_t timeout_ms, db_notified_fn notified,
                   void *ctx, struct error *err)
{
	int rc = listen_again(listener, err);
	if (rc) {
		listener->failures++;
		int64_t pause = backoff_ms(listener->failures, RECONNECT_BASE_MS, RECONNECT_MAX_MS);
		sleep_ms(pause < timeout_ms ? pause : timeout_ms);
		return rc;
	}
	listener->failures = 0;
	for (size_t i = 0; i < listener->count; i++)
		notified(ctx, listener->channels[i], "");
	return 0;
}

int db_listener_poll(struct db_listener *listener, int64_t timeout_ms, db_notified_fn notified,
                     void *ctx, struct error *err)
{
	if (!listener->listening)
		return recover(listener, timeout_ms, notified, ctx, err);
	int rc = db_conn_wait(listener->conn, timeout_ms, notified, ctx, err);
	if (rc) {
		db_conn_disconnect(listener->conn);
		listener->listening = false;
	}
	return rc;
}
