// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "db/db_internal.h"

/* The first row whose `prefix` begins the SQLSTATE decides; classes have two characters. */
static const struct {
	const char *prefix;
	struct db_failure failure;
} failures[] = {
        {"08", {ENOTCONN, ERROR_RETRY}},   /* connection exception */
        {"57P0", {ENOTCONN, ERROR_RETRY}}, /* shutting down, crashed, starting up, session ended */
        {"57014", {ETIMEDOUT, ERROR_RETRY}}, /* cancelled, or statement timeout */
        {"25P03", {ENOTCONN, ERROR_RETRY}},  /* idle in a transaction for too long */
        {"25006", {ENOTCONN, ERROR_RETRY}},  /* read-only: a standby, until it is promoted */
        {"53", {EBUSY, ERROR_RETRY}},        /* connections, memory or disk ran out */
        {"55P03", {EAGAIN, ERROR_RETRY}},    /* lock not available */
        {"40001", {EAGAIN, ERROR_RETRY}},    /* serialization failure */
        {"40P01", {EAGAIN, ERROR_RETRY}},    /* deadlock */
        {"26000", {EAGAIN, ERROR_RETRY}},    /* prepared statement is gone */
        {"0A000", {EAGAIN, ERROR_RETRY}},    /* cached plan must not change result type */
        {"23505", {EEXIST, ERROR_DROP}},     /* unique */
        {"23503", {ENOENT, ERROR_DROP}},     /* foreign key */
        {"23", {EINVAL, ERROR_DROP}},        /* other constraints */
        {"22", {EINVAL, ERROR_DROP}},        /* bad data */
};

struct db_failure db_failure_of(const char *sqlstate)
{
	if (!sqlstate || !*sqlstate)
		return (struct db_failure){ENOTCONN, ERROR_RETRY};
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (strncmp(sqlstate, failures[i].prefix, strlen(failures[i].prefix)) == 0)
			return failures[i].failure;
	return (struct db_failure){EIO, ERROR_FATAL};
}

/* libpq's messages of connections may have several lines, the first of which says it. */
static int first_line_size(const char *text)
{
	return (int)strcspn(text, "\n");
}

int db_conn_fail(struct db_conn *conn, const PGresult *result, const char *what, struct error *err)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
	struct db_failure failure = db_failure_of(state);
	if (PQstatus(conn->pg) != CONNECTION_OK)
		failure = db_failure_of(NULL);
	conn->must_rerun = state && (strncmp(state, "40", 2) == 0);
	if (state && (strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0))
		conn->must_replace = true;
	if (!primary) {
		const char *text = PQerrorMessage(conn->pg);
		if (!*text)
			text = "connection lost";
		return error_set_class(err, failure.class, failure.code, "database: %s: %.*s", what,
		                       first_line_size(text), text);
	}
	return error_set_class(err, failure.class, failure.code, "database: %s: %s%s%s (%s)", what,
	                       primary, detail ? ": " : "", detail ? detail : "", state);
}
