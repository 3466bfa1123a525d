// SPDX-License-Identifier: Apache-2.0
#include "rules_apply.h"

#include "differ_sql.h"

enum {
	COLUMN_ID,
	COLUMN_CATEGORY,
	COLUMN_VALUE,
	COLUMN_BY,
	COLUMN_WHY,
	COLUMN_COMPATIBLE,
	COLUMN_KNOWN
};

/* Rows of deviations that change. */
struct suppressions {
	struct db_array ids, by, why;
};

static void suppressions_init(struct suppressions *list)
{
	db_array_init(&list->ids, DB_ARRAY_TEXT);
	db_array_init(&list->by, DB_ARRAY_TEXT);
	db_array_init(&list->why, DB_ARRAY_TEXT);
}

static void auto_suppressions(struct suppressions *list)
{
	db_array_release(&list->ids);
	db_array_release(&list->by);
	db_array_release(&list->why);
}

/* What the rules say about a deviation: by '' when it counts. */
struct ruling {
	const char *by, *why;
};

static struct ruling ruling_of(const struct differ *differ, const struct filter_rules *own,
                               const PGresult *rows, int row, struct arena *arena)
{
	enum category category;
	const char *entry = NULL;
	bool known = category_parse(db_cell(rows, row, COLUMN_CATEGORY), &category);
	for (int name = COLUMN_VALUE; known && !entry && name <= COLUMN_COMPATIBLE;
	     name += COLUMN_COMPATIBLE - COLUMN_VALUE)
		entry = filter_entry_of(differ->allow.filter, own, category,
		                        view_of_string(db_cell(rows, row, name)));
	if (entry)
		return (struct ruling){"entry", arena_printf(arena, "allowed by entry %s", entry)};
	if (db_cell_bool(rows, row, COLUMN_KNOWN))
		return (struct ruling){"baseline", "the baseline has it now"};
	return (struct ruling){"", ""};
}

static void count_change(struct rule_changes *changes, const char *before, const char *by)
{
	if (strcmp(before, by) == 0)
		return;
	changes->allowed += strcmp(by, "entry") == 0;
	changes->known += strcmp(by, "baseline") == 0;
	changes->back += *by == '\0';
}

static int write_rulings(struct db_conn *conn, struct suppressions *list, struct error *err)
{
	const struct db_param params[] = {db_array_param(&list->ids), db_array_param(&list->by),
	                                  db_array_param(&list->why)};
	if (list->ids.count == 0)
		return 0;
	return db_exec(conn, &sql_suppress, params, 3, err) < 0 ? -err->code : 0;
}

/* Some deviations; what changes of them is written. */
static int rule(const struct differ *differ, struct db_conn *conn, const struct filter_rules *own,
                const PGresult *rows, struct rule_changes *changes, struct error *err)
{
	AUTO(suppressions) struct suppressions list;
	suppressions_init(&list);
	struct arena arena;
	arena_init(&arena);
	for (int row = 0; row < PQntuples(rows); row++) {
		struct ruling ruling = ruling_of(differ, own, rows, row, &arena);
		const char *before = db_cell(rows, row, COLUMN_BY);
		if (strcmp(before, ruling.by) == 0 &&
		    strcmp(db_cell(rows, row, COLUMN_WHY), ruling.why) == 0)
			continue;
		count_change(changes, before, ruling.by);
		db_array_add(&list.ids, view_of_string(db_cell(rows, row, COLUMN_ID)));
		db_array_add(&list.by, view_of_string(ruling.by));
		db_array_add(&list.why, view_of_string(ruling.why));
	}
	arena_release(&arena);
	return write_rulings(conn, &list, err);
}

static int rule_all(const struct differ *differ, struct db_conn *conn, const struct run_state *run,
                    struct rule_changes *ret, struct error *err)
{
	const struct filter_rules *own = filter_package(differ->allow.filter, run->package);
	int count;
	do {
		AUTO(pgresult) PGresult *rows = db_query(conn, &sql_next_deviations, NULL, 0, err);
		if (!rows || rule(differ, conn, own, rows, ret, err) < 0)
			return -err->code;
		count = PQntuples(rows);
	} while (count > 0);
	return db_send(conn, &sql_close_deviations, NULL, 0, err);
}

static int apply(struct differ *differ, struct db_conn *conn, const struct run_state *run,
                 bool ask_baseline, struct rule_changes *ret, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->id), DB_TEXT(run->package),
	                                  DB_BOOL(ask_baseline), DB_INT(run->line)};
	/* Noted first: an entry that comes between the two is found missing later. */
	if (db_send(conn, &sql_note_rules, params, 1, err) < 0 ||
	    allow_list_refresh(&differ->allow, conn, differ->fingerprinter.locale, true, err) < 0 ||
	    db_send(conn, &sql_open_deviations, params, 4, err) < 0)
		return -err->code;
	return rule_all(differ, conn, run, ret, err);
}

static int64_t count_by_person(struct db_conn *conn, const struct run_state *run, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(run->id)};
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_count_by_person, params, 1, err);
	return rows ? db_cell_int(rows, 0, 0) : -err->code;
}

int rules_count(struct differ *differ, struct db_conn *conn, const struct run_state *run,
                bool ask_baseline, struct outcome *ret, int64_t *ret_open,
                struct rule_changes *ret_changes, struct error *err)
{
	int failed = differ_count_deviations(conn, run->id, ret, err);
	if (!failed && (ret->deviations > 0 || ask_baseline))
		failed = apply(differ, conn, run, ask_baseline, ret_changes, err);
	if (!failed && (ret->deviations > 0 || ask_baseline))
		failed = differ_count_deviations(conn, run->id, ret, err);
	int64_t by_person = failed ? 0 : count_by_person(conn, run, err);
	if (failed || by_person < 0)
		return -err->code;
	*ret_open = ret->deviations + by_person;
	return 0;
}
