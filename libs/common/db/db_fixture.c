// SPDX-License-Identifier: Apache-2.0
#include "db/db_fixture.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/random.h"
#include "db/migrate.h"

static const char url_variable[] = "FANGS_TEST_DB_URL";

__attribute__((noreturn)) static void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "database fixture: %s: %s\n", what, why);
	abort();
}

bool db_fixture_available(void)
{
	const char *url = getenv(url_variable);
	return url && *url;
}

static PGconn *connect_to(const char *url)
{
	PGconn *pg = PQconnectdb(url);
	if (PQstatus(pg) != CONNECTION_OK)
		give_up("connect", PQerrorMessage(pg));
	return pg;
}

static int64_t run(PGconn *pg, const char *sql)
{
	AUTO(pgresult) PGresult *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		give_up(sql, PQerrorMessage(pg));
	return PQntuples(result) ? db_cell_int(result, 0, 0) : 0;
}

static int64_t run_once(const char *url, const char *sql)
{
	PGconn *pg = connect_to(url);
	int64_t number = run(pg, sql);
	PQfinish(pg);
	return number;
}

/* The server's URL in keyword form, with another database. */
static char *url_of(const char *name)
{
	struct buf buf;
	buf_init(&buf, 4096);
	PQconninfoOption *options = PQconninfoParse(getenv(url_variable), NULL);
	if (!options)
		give_up(url_variable, "not a PostgreSQL URL");
	for (PQconninfoOption *o = options; o->keyword; o++)
		if (o->val && strcmp(o->keyword, "dbname") != 0)
			buf_printf(&buf, "%s='%s' ", o->keyword, o->val);
	buf_printf(&buf, "dbname='%s'", name);
	PQconninfoFree(options);
	return buf_detach(&buf);
}

struct db_fixture *db_fixture_create(bool migrated)
{
	struct db_fixture *fixture = xcalloc(1, sizeof(*fixture));
	char suffix[17];
	random_hex(suffix, sizeof(suffix) / 2);
	fixture->name = xasprintf("fangs_test_%s", suffix);
	fixture->url = url_of(fixture->name);
	AUTO(free) char *create = xasprintf("CREATE DATABASE %s", fixture->name);
	(void)run_once(getenv(url_variable), create);
	struct error err = {0};
	struct db_config config = {.url = fixture->url, .pool_size = 16};
	fixture->db = db_open(&config, "fangs-test", &err);
	if (!fixture->db || (migrated && migrate(fixture->db, &err)))
		give_up(fixture->name, err.text);
	return fixture;
}

void db_fixture_destroy(struct db_fixture *fixture)
{
	db_close(fixture->db);
	AUTO(free) char *drop = xasprintf("DROP DATABASE %s WITH (FORCE)", fixture->name);
	(void)run_once(getenv(url_variable), drop);
	free(fixture->name);
	free(fixture->url);
	free(fixture);
}

int64_t db_fixture_number(struct db_fixture *fixture, const char *sql)
{
	return run_once(fixture->url, sql);
}
