// SPDX-License-Identifier: Apache-2.0
#include "db/db_fixture.h"

#include <stdio.h>
#include <unistd.h>

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

static char *fresh_name(void)
{
	char suffix[17];
	random_hex(suffix, sizeof(suffix) / 2);
	return xasprintf("fangs_test_%s", suffix);
}

static struct db *open_database(const char *name, char *url, bool migrated)
{
	struct error err = {0};
	struct db_config config = {.url = url, .pool_size = 16};
	struct db *db = db_open(&config, "fangs-test", &err);
	if (!db || (migrated && migrate(db, &err)))
		give_up(name, err.text);
	return db;
}

static void drop_database(const char *name)
{
	AUTO(free) char *drop = xasprintf("DROP DATABASE %s WITH (FORCE)", name);
	(void)run_once(getenv(url_variable), drop);
}

/* The migrated databases of a program are copies of one, which takes a fraction of the time. */
static struct {
	char *name;
	pid_t owner;
} original;

static void drop_original(void)
{
	/* A fork of the program ends, too. */
	if (original.owner == getpid())
		drop_database(original.name);
}

static const char *original_name(void)
{
	if (original.name)
		return original.name;
	original.name = fresh_name();
	original.owner = getpid();
	AUTO(free) char *create = xasprintf("CREATE DATABASE %s", original.name);
	(void)run_once(getenv(url_variable), create);
	AUTO(free) char *url = url_of(original.name);
	db_close(open_database(original.name, url, true));
	if (atexit(drop_original) != 0)
		give_up(original.name, "cannot be dropped at the end");
	return original.name;
}

struct db_fixture *db_fixture_create(bool migrated)
{
	struct db_fixture *fixture = xcalloc(1, sizeof(*fixture));
	fixture->name = fresh_name();
	fixture->url = url_of(fixture->name);
	AUTO(free)
	char *create = xasprintf("CREATE DATABASE %s TEMPLATE %s", fixture->name,
	                         migrated ? original_name() : "template1");
	(void)run_once(getenv(url_variable), create);
	fixture->db = open_database(fixture->name, fixture->url, false);
	return fixture;
}

void db_fixture_destroy(struct db_fixture *fixture)
{
	db_close(fixture->db);
	drop_database(fixture->name);
	free(fixture->name);
	free(fixture->url);
	free(fixture);
}

int64_t db_fixture_number(struct db_fixture *fixture, const char *sql)
{
	return run_once(fixture->url, sql);
}
