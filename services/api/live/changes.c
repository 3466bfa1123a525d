// SPDX-License-Identifier: Apache-2.0
#include "live/changes.h"

#include <errno.h>
#include <stdlib.h>

#include "queries.h"
#include "resources/rows_json.h"

enum { CHANGES_MAX = 5000 }; /* more at once: who missed them reads his lists anew */

/* A runner shows as gone after 90 s; a little later, because a sign of life may be on its way. */
#define SILENT_US "95000000"

static const struct db_statement read_changes = {
        "live_read_changes",
        "SELECT 'now', pg_current_snapshot()::text, '0', fangs_ns(now()) / 1000 UNION ALL"
        " SELECT * FROM (SELECT c.kind, k.key, c.xid::text, 0::bigint"
        "  FROM live_changes c, unnest(c.keys) k(key)"
        "  WHERE c.xid >= pg_snapshot_xmin($1::pg_snapshot) AND c.kind = ANY ($4::text[])"
        "   AND NOT pg_visible_in_snapshot(c.xid, $1::pg_snapshot)"
        "   AND pg_visible_in_snapshot(c.xid, pg_current_snapshot())"
        "  ORDER BY c.xid DESC LIMIT $2::bigint) c UNION ALL"
        " SELECT 'runner', id, '0', gone_at FROM (SELECT id,"
        "   fangs_ns(last_seen_at) / 1000 + " SILENT_US " AS gone_at FROM runners) r"
        "  WHERE gone_at > $3::bigint AND gone_at <= fangs_ns(now()) / 1000"};

/* Longer than a cursor is good for: a transaction may log long before it commits. */
static const struct db_statement prune_changes = {
        "live_prune_changes", "DELETE FROM live_changes WHERE at < now() - interval '15 minutes'"};

static const struct db_statement *const items_of[TOPIC_COUNT] = {
        [TOPIC_RUNS] = &browse_runs_by_id,
        [TOPIC_DEVIATIONS] = &browse_deviations_by_id,
        [TOPIC_RUNNERS] = &browse_runners_by_id,
};

struct change {
	const char *key; /* in the result */
	struct cause cause;
};

/* Of one topic, by key. */
struct changes {
	struct change *items;
	size_t count;
};

static PGresult *query_changes(struct db_conn *conn, const struct question *question,
                               struct error *err)
{
	const struct position *since = question->since;
	const char *kinds[TOPIC_COUNT];
	size_t count = 0;

	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++) {
		if (question->topics & (1U << topic))
			kinds[count++] = topic_event(topic);
	}
	AUTO(free) char *kinds_text = db_text_array(kinds, count);
	const struct db_param params[] = {
	        DB_TEXT(since ? position_snapshot(since) : NULL),
	        DB_INT(CHANGES_MAX),
	        since && question->silence && question->topics & (1U << TOPIC_RUNNERS)
	                ? DB_INT(position_told_us(since))
	                : DB_NULL,
	        DB_TEXT(kinds_text),
	};
	return db_query(conn, &read_changes, params, sizeof(params) / sizeof(params[0]), err);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->key, ((const struct change *)b)->key);
}

static uint64_t cell_xid(const PGresult *rows, int row)
{
	uint64_t xid = 0;

	(void)view_to_u64(view_of_string(db_cell(rows, row, 2)), &xid);
	return xid;
}

static void sort_changes(struct arena *arena, const PGresult *rows, enum topic topic,
                         struct changes *ret)
{
	ret->items = arena_alloc(arena, (size_t)PQntuples(rows), sizeof(*ret->items));
	ret->count = 0;
	for (int row = 0; row < PQntuples(rows); row++) {
		if (strcmp(db_cell(rows, row, 0), topic_event(topic)) == 0)
			ret->items[ret->count++] =
			        (struct change){db_cell(rows, row, 1),
			                        {cell_xid(rows, row), db_cell_int(rows, row, 3)}};
	}
	qsort(ret->items, ret->count, sizeof(*ret->items), by_key);
}

/* Why that one changed. */
static void find_causes(struct arena *arena, const struct changes *changes, const char *key,
                        struct item *ret)
{
	const struct change wanted = {.key = key};
	struct change *end = changes->items + changes->count;
	struct change *first =
	        bsearch(&wanted, changes->items, changes->count, sizeof(wanted), by_key);

	if (!first)
		return;
	while (first > changes->items && by_key(first - 1, &wanted) == 0)
		first--;
	struct cause *causes = arena_alloc(arena, (size_t)(end - first), sizeof(*causes));
	for (; first < end && by_key(first, &wanted) == 0; first++)
		causes[ret->cause_count++] = first->cause;
	ret->causes = causes;
}

static PGresult *query_items(struct db_conn *conn, const struct changes *changes,
                             const struct db_statement *statement, struct error *err)
{
	AUTO(db_array) struct db_array ids;

	db_array_init(&ids, DB_ARRAY_TEXT);
	for (size_t i = 0; i < changes->count; i++) {
		if (i == 0 || by_key(&changes->items[i - 1], &changes->items[i]) != 0)
			db_array_add(&ids, view_of_string(changes->items[i].key));
	}
	const struct db_param param = db_array_param(&ids);
	return db_query(conn, statement, &param, 1, err);
}

/* What was removed since has no row, and is not told. */
static int add_items(struct db_conn *conn, const struct changes *changes, enum topic topic,
                     struct item *items, struct batch *batch, struct error *err)
{
	AUTO(pgresult) PGresult *rows = query_items(conn, changes, items_of[topic], err);
	AUTO(buf) struct buf json;

	buf_init(&json, (size_t)4 * BATCH_FRAME_MAX_BYTES); /* no row is as large */
	if (!rows)
		return -err->code;
	int id = PQfnumber(rows, "id"), package = PQfnumber(rows, "package");
	for (int row = 0; row < PQntuples(rows); row++) {
		struct item *item = &items[batch->count++];
		buf_reset(&json);
		struct json_writer w = json_writer_on(&json);
		json_object(&w);
		rows_write_members(&w, rows, row, PQnfields(rows));
		json_end_object(&w);
		item->topic = topic;
		item->json = arena_copy(&batch->arena, buf_view(&json));
		if (package >= 0)
			item->package = arena_strdup(&batch->arena, db_cell(rows, row, package));
		find_causes(&batch->arena, changes, db_cell(rows, row, id), item);
	}
	return 0;
}

/* The newest changes were asked for, so what is missing is older than what is there. */
static void note_cut(const PGresult *rows, struct batch *batch)
{
	int logged = 0;

	for (int row = 0; row < PQntuples(rows); row++) {
		uint64_t xid = cell_xid(rows, row);
		logged += xid != 0;
		if (xid && (!batch->cut_xid || xid < batch->cut_xid))
			batch->cut_xid = xid;
	}
	if (logged < CHANGES_MAX)
		batch->cut_xid = 0;
}

static int take_position(const PGresult *rows, const struct question *question, struct batch *batch,
                         struct error *err)
{
	bool told = !question->since || question->silence;

	for (int row = 0; row < PQntuples(rows); row++) {
		if (strcmp(db_cell(rows, row, 0), "now") == 0)
			batch->now = position_make(told ? db_cell_int(rows, row, 3)
			                                : position_told_us(question->since),
			                           view_of_string(db_cell(rows, row, 1)));
	}
	return batch->now ? 0 : error_set(err, EPROTO, "the database's snapshot cannot be read");
}

int changes_read(struct db *db, const struct question *question, struct batch *ret,
                 struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, err);
	AUTO(pgresult) PGresult *rows = conn ? query_changes(conn, question, err) : NULL;

	if (!rows || take_position(rows, question, ret, err))
		return -err->code;
	note_cut(rows, ret);
	struct item *items = arena_alloc(&ret->arena, (size_t)PQntuples(rows), sizeof(*items));
	ret->items = items;
	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++) {
		struct changes changes;
		sort_changes(&ret->arena, rows, topic, &changes);
		if (changes.count && add_items(conn, &changes, topic, items, ret, err))
			return -err->code;
	}
	return 0;
}

int changes_prune(struct db *db, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, err);

	return conn && db_exec(conn, &prune_changes, NULL, 0, err) >= 0 ? 0 : -err->code;
}
