// SPDX-License-Identifier: Apache-2.0
/* docs/schema.md names every table and column that there is. Needs PostgreSQL: FANGS_TEST_DB_URL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "db/db_fixture.h"

enum { DOCUMENT_MAX = 1024 * 1024 };

static const struct db_statement columns = {
        "test_columns", "SELECT c.table_name, c.column_name FROM information_schema.columns c"
                        " WHERE c.table_schema = 'public' ORDER BY 1, 2"};

static struct buf document;

/* The text from the heading ("### name", "### name and name") that names the table to the next
 * heading; empty when there is none. */
static struct view section_of(const char *table)
{
	struct view rest = buf_view(&document);
	const char *start = NULL;
	AUTO(free) char *word = xasprintf(" %s", table);
	while (rest.size) {
		struct view line = view_split(&rest, '\n');
		if (!view_starts_with(line, VIEW_LITERAL("##")))
			continue;
		if (start)
			return view_of(start, (size_t)(line.data - start));
		if (!view_starts_with(line, VIEW_LITERAL("###")))
			continue; /* a chapter */
		const char *hit = memmem(line.data, line.size, word, strlen(word));
		const char *behind = hit ? hit + strlen(word) : NULL;
		if (hit && (behind == line.data + line.size || strchr(": ", *behind)))
			start = line.data;
	}
	return (struct view){start, start ? document.size - (size_t)(start - document.data) : 0};
}

static void every_column_is_described(void **state)
{
	(void)state;
	struct error err = {0};
	struct db_fixture *fixture = db_fixture_create(true);
	struct db_conn *conn = db_acquire(fixture->db, &err);
	assert_non_null(conn);
	PGresult *result = db_query(conn, &columns, NULL, 0, &err);
	assert_non_null(result);
	int missing = 0;
	for (int row = 0; row < PQntuples(result); row++) {
		AUTO(free) char *name = xasprintf("`%s`", db_cell(result, row, 1));
		struct view section = section_of(db_cell(result, row, 0));
		if (section.size && memmem(section.data, section.size, name, strlen(name)))
			continue;
		print_error("not described: %s.%s\n", db_cell(result, row, 0), name);
		missing++;
	}
	PQclear(result);
	db_release(conn);
	db_fixture_destroy(fixture);
	assert_int_equal(missing, 0);
}

static int setup(void **state)
{
	(void)state;
	AUTO(fclose) FILE *file = fopen(FANGS_DOCS "/schema.md", "re");
	if (!file)
		return -1;
	buf_init(&document, DOCUMENT_MAX);
	char *room = buf_reserve(&document, DOCUMENT_MAX - 1);
	buf_advance(&document, fread(room, 1, DOCUMENT_MAX - 1, file));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_release(&document);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_column_is_described)};
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, setup, teardown);
}
