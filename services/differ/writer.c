// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bus/outbox.h"
#include "differ_sql.h"

enum {
	MESSAGE_MAX_BYTES = 256 * 1024,
	SEQS_MAX_BYTES = SEQ_SET_MAX * 48,
	FACTS_MAX_BYTES =
	        2 * PROCESS_TABLE_MAX * (2 * (PROCESS_NAME_MAX + PROCESS_COMMAND_MAX) + 80),
};

/* One array parameter per column. */
struct columns {
	struct db_array arrays[DB_PARAMS_MAX];
	struct db_param params[DB_PARAMS_MAX];
	size_t count;
};

static struct db_array *add_column(struct columns *columns, enum db_array_type type)
{
	struct db_array *array = &columns->arrays[columns->count++];
	db_array_init(array, type);
	return array;
}

static void auto_columns(struct columns *columns)
{
	for (size_t i = 0; i < columns->count; i++)
		db_array_release(&columns->arrays[i]);
}

static const struct db_param *column_params(struct columns *columns)
{
	for (size_t i = 0; i < columns->count; i++)
		columns->params[i] = db_array_param(&columns->arrays[i]);
	return columns->params;
}

static void add_text(struct db_array *array, const char *text)
{
	db_array_add(array, view_of_string(text));
}

int writer_events(struct differ *differ, struct db_conn *conn, struct error *err)
{
	struct event_chunks *chunks = &differ->batch.chunks;
	batch_close_chunk(&differ->batch);
	if (chunks->events == 0)
		return 0;
	AUTO(db_array) struct db_array run_ids;
	db_array_init(&run_ids, DB_ARRAY_TEXT);
	for (size_t i = 0; i < differ->batch.run_count; i++)
		add_text(&run_ids, differ->batch.runs[i].run->id);
	const struct db_param params[] = {
	        db_array_param(&chunks->first_ids), db_array_param(&chunks->runs),
	        db_array_param(&chunks->times),     db_array_param(&chunks->types),
	        db_array_param(&chunks->data),      db_array_param(&run_ids),
	};
	if (db_send(conn, &sql_insert_events, params, 6, err) < 0)
		return -err->code;
	batch_clear_events(&differ->batch);
	return 0;
}

/* May deviate: its run is compared with a baseline while it goes on. Others wait for the end. */
static bool is_candidate(const struct sighting *sighting)
{
	return sighting->fresh && sighting->process;
}

/* What the existing CLI calls it, when that is another name. */
static bool has_second_name(const struct sighting *sighting)
{
	return sighting->compatible.data != sighting->value.data;
}

/* Sightings of the batch that follow each other, with DEVIATIONS_AT_ONCE candidates at most. */
struct stretch {
	size_t from, end, candidates;
};

static struct stretch next_stretch(const struct batch *batch, size_t from)
{
	struct stretch stretch = {from, from, 0};
	while (stretch.end < batch->sighting_count && stretch.candidates < DEVIATIONS_AT_ONCE)
		stretch.candidates += is_candidate(&batch->sightings[stretch.end++]);
	return stretch;
}

/* Which names of the candidates no baseline knows: their ordinals, where a candidate with two names
 * counts twice. */
static PGresult *query_unknown(struct differ *differ, struct db_conn *conn,
                               const struct stretch *stretch, struct error *err)
{
	AUTO(columns) struct columns columns = {0};
	struct db_array *packages = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *categories = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *actors = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *values = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *lines = add_column(&columns, DB_ARRAY_INT8);
	struct db_array *creds = add_column(&columns, DB_ARRAY_INT4);
	for (size_t i = stretch->from; i < stretch->end; i++) {
		const struct sighting *sighting = &differ->batch.sightings[i];
		size_t names = !is_candidate(sighting) ? 0 : has_second_name(sighting) ? 2 : 1;
		for (size_t name = 0; name < names; name++) {
			add_text(packages, differ->batch.runs[sighting->run].run->package);
			add_text(categories, category_name(sighting->category));
			add_text(actors, actor_name(sighting->actor));
			db_array_add(values, name ? sighting->compatible : sighting->value);
			db_array_add_int8(lines, differ->batch.runs[sighting->run].run->line);
			db_array_add_int4(creds, sighting->cred);
		}
	}
	return db_query(conn, &sql_unknown_fingerprints, column_params(&columns), columns.count,
	                err);
}

static void add_deviation_of(struct differ *differ, struct deviation_list *list,
                             const struct sighting *sighting, bool first_code, int64_t now_ns)
{
	const struct run_state *run = differ->batch.runs[sighting->run].run;
	deviation_list_add(list, &(struct deviation_source){
	                                 .run_id = run->id,
	                                 .package = run->package,
	                                 .version = run->version,
	                                 .category = sighting->category,
	                                 .actor = sighting->actor,
	                                 .value = sighting->value,
	                                 .cred = sighting->cred,
	                                 .mark = mark_with_code(sighting->mark, first_code),
	                                 .command = sighting->command,
	                                 .tree = sighting->tree,
	                                 .evidence_event_id = sighting->first_event_id,
	                                 .process = sighting->process,
	                                 .detected_at_ns = now_ns,
	                         });
}

/* Steps over the ordinals up to `last`, and tells whether all from `first` on were there, and
 * whether they are the first code of a package that is seen to run. */
static bool all_unknown(const PGresult *unknown, int *row, int64_t first, int64_t last,
                        bool *ret_first_code)
{
	int64_t missing = last - first + 1;
	*ret_first_code = false;
	while (*row < PQntuples(unknown) && db_cell_int(unknown, *row, 0) <= last) {
		missing--;
		*ret_first_code = db_cell_bool(unknown, *row, 1);
		(*row)++;
	}
	return missing == 0;
}

/* Asks the baselines about these candidates, as they are at this moment. */
static int find_deviations(struct differ *differ, struct db_conn *conn,
                           const struct stretch *stretch, struct deviation_list *list,
                           struct error *err)
{
	AUTO(pgresult) PGresult *unknown = query_unknown(differ, conn, stretch, err);
	if (!unknown)
		return -err->code;
	int64_t now_ns = clock_wall_ns(), last = 0;
	int row = 0;
	for (size_t i = stretch->from; i < stretch->end; i++) {
		const struct sighting *sighting = &differ->batch.sightings[i];
		if (!is_candidate(sighting))
			continue;
		int64_t first = last + 1;
		last += has_second_name(sighting) ? 2 : 1;
		bool first_code;
		if (all_unknown(unknown, &row, first, last, &first_code))
			add_deviation_of(differ, list, sighting, first_code, now_ns);
	}
	return 0;
}

/* What one run showed in this batch, as one row. */
static int write_sightings(struct differ *differ, struct db_conn *conn, uint32_t run,
                           struct error *err)
{
	AUTO(columns) struct columns columns = {0};
	struct db_array *categories = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *actors = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *values = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *counts = add_column(&columns, DB_ARRAY_INT8);
	struct db_array *event_ids = add_column(&columns, DB_ARRAY_INT8);
	struct db_array *creds = add_column(&columns, DB_ARRAY_INT4);
	struct db_array *compatibles = add_column(&columns, DB_ARRAY_TEXT);
	int64_t number = INT64_MAX;
	for (size_t i = 0; i < differ->batch.sighting_count; i++) {
		const struct sighting *sighting = &differ->batch.sightings[i];
		if (sighting->run != run)
			continue;
		add_text(categories, category_name(sighting->category));
		add_text(actors, actor_name(sighting->actor));
		db_array_add(values, sighting->value);
		db_array_add_int8(counts, sighting->count);
		db_array_add_int8(event_ids, sighting->first_event_id);
		db_array_add_int4(creds, (int32_t)sighting->cred | (int32_t)sighting->mark << 1);
		db_array_add(compatibles, has_second_name(sighting) ? sighting->compatible
		                                                    : (struct view){"", 0});
		if (sighting->first_event_id < number)
			number = sighting->first_event_id;
	}
	if (counts->count == 0)
		return 0;
	struct db_param params[9] = {DB_TEXT(differ->batch.runs[run].run->id), DB_INT(number)};
	memcpy(params + 2, column_params(&columns), columns.count * sizeof(*params));
	return db_send(conn, &sql_insert_sightings, params, 9, err);
}

static int write_fingerprints(struct differ *differ, struct db_conn *conn, struct error *err)
{
	int failed = 0;
	for (size_t run = 0; run < differ->batch.run_count && !failed; run++)
		failed = write_sightings(differ, conn, (uint32_t)run, err);
	return failed;
}

static int write_progress(struct differ *differ, struct db_conn *conn, struct error *err)
{
	AUTO(columns) struct columns columns = {0};
	struct db_array *run_ids = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *attempts = add_column(&columns, DB_ARRAY_INT4);
	struct db_array *seqs = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *stored = add_column(&columns, DB_ARRAY_INT8);
	AUTO(buf) struct buf text;
	buf_init(&text, SEQS_MAX_BYTES);
	for (size_t i = 0; i < differ->batch.run_count; i++) {
		const struct batch_run *entry = &differ->batch.runs[i];
		if (!entry->progressed)
			continue;
		buf_reset(&text);
		seq_set_format(&entry->run->seqs, &text);
		add_text(run_ids, entry->run->id);
		db_array_add_int4(attempts, (int32_t)entry->run->progress_attempt);
		db_array_add(seqs, buf_view(&text));
		db_array_add_int8(stored, entry->run->events_stored);
	}
	if (run_ids->count == 0)
		return 0;
	return db_send(conn, &sql_upsert_progress, column_params(&columns), columns.count, err);
}

void deviation_list_init(struct deviation_list *list)
{
	*list = (struct deviation_list){0};
	arena_init(&list->arena);
}

void deviation_list_release(struct deviation_list *list)
{
	arena_release(&list->arena);
}

void deviation_list_add(struct deviation_list *list, const struct deviation_source *source)
{
	struct arena *arena = &list->arena;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 16;
		struct deviation_message *larger =
		        arena_alloc(arena, list->capacity, sizeof(*larger));
		if (list->count)
			memcpy(larger, list->items, list->count * sizeof(*larger));
		list->items = larger;
	}
	deviation_make(arena, source, &list->items[list->count++]);
}

/* Rows: the ids that were not there yet. */
static PGresult *insert_deviations(struct db_conn *conn, const struct deviation_list *list,
                                   struct error *err)
{
	enum { COLUMNS = 11, EVENT_COLUMN = 4, TREE_COLUMN = 10 };
	AUTO(columns) struct columns columns = {0};
	for (size_t i = 0; i < COLUMNS; i++)
		(void)add_column(&columns, i == EVENT_COLUMN || i == TREE_COLUMN ? DB_ARRAY_INT8
		                                                                 : DB_ARRAY_TEXT);
	for (size_t i = 0; i < list->count; i++) {
		const struct deviation_message *d = &list->items[i];
		const char *const cells[COLUMNS] = {d->id,      d->run_id,   d->category, d->value,
		                                    NULL,       d->severity, d->actor,    d->reason,
		                                    d->process, d->command,  NULL};
		for (size_t column = 0; column < COLUMNS; column++)
			if (cells[column])
				add_text(&columns.arrays[column], cells[column]);
		db_array_add_int8(&columns.arrays[EVENT_COLUMN], d->evidence_event_id);
		db_array_add_int8(&columns.arrays[TREE_COLUMN], d->tree);
	}
	(void)column_params(&columns);
	columns.params[COLUMNS] = DB_INT(list->items[0].detected_at_ns);
	return db_query(conn, &sql_insert_deviations, columns.params, COLUMNS + 1, err);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **sorted_ids(const PGresult *rows)
{
	size_t count = (size_t)PQntuples(rows);
	const char **ids = xmalloc((count + 1) * sizeof(*ids));
	for (size_t i = 0; i < count; i++)
		ids[i] = db_cell(rows, (int)i, 0);
	qsort(ids, count, sizeof(*ids), compare_ids);
	return ids;
}

static struct bus_record record_of(struct differ *differ, struct arena *arena, struct buf *text,
                                   const struct deviation_message *deviation)
{
	enum severity severity = SEVERITY_INFO;
	(void)severity_parse(deviation->severity, &severity);
	differ->metrics.pending.deviations[severity]++;
	buf_reset(text);
	deviation_message_write(text, deviation);
	return (struct bus_record){.topic = BUS_DEVIATIONS,
	                           .partition = BUS_PARTITION_BY_KEY,
	                           .key = view_of_string(deviation->package),
	                           .value = arena_copy(arena, buf_view(text))};
}

static void count_for_run(struct differ *differ, const struct deviation_message *deviation)
{
	for (size_t i = 0; i < differ->batch.run_count; i++) {
		if (differ->batch.runs[i].run->id == deviation->run_id) /* borrowed from there */
			differ->batch.runs[i].deviations++;
	}
}

int writer_deviations(struct differ *differ, struct db_conn *conn, struct deviation_list *list,
                      struct error *err)
{
	if (list->count == 0)
		return 0;
	AUTO(pgresult) PGresult *rows = insert_deviations(conn, list, err);
	if (!rows)
		return -err->code;
	AUTO(free) const char **ids = sorted_ids(rows);
	AUTO(free) struct bus_record *records = xmalloc(list->count * sizeof(*records));
	size_t count = 0;
	AUTO(buf) struct buf text;
	buf_init(&text, MESSAGE_MAX_BYTES);
	for (size_t i = 0; i < list->count; i++) {
		const struct deviation_message *deviation = &list->items[i];
		if (!bsearch(&deviation->id, ids, (size_t)PQntuples(rows), sizeof(*ids),
		             compare_ids))
			continue;
		count_for_run(differ, deviation);
		records[count++] = record_of(differ, &list->arena, &text, deviation);
	}
	return outbox_add_many(conn, records, count, err);
}

/* What streaming finds: all candidates, some at a time. */
static int report_deviations(struct differ *differ, struct db_conn *conn, struct error *err)
{
	const struct batch *batch = &differ->batch;
	int failed = 0;
	for (struct stretch stretch = next_stretch(batch, 0); stretch.candidates && !failed;
	     stretch = next_stretch(batch, stretch.end)) {
		AUTO(deviation_list) struct deviation_list list;
		deviation_list_init(&list);
		failed = find_deviations(differ, conn, &stretch, &list, err);
		if (!failed)
			failed = writer_deviations(differ, conn, &list, err);
	}
	return failed;
}

/* The same deviation once more, now as it is. */
static int report_raised(struct differ *differ, struct db_conn *conn, const struct run_state *run,
                         const PGresult *rows, struct error *err)
{
	AUTO(buf) struct buf text;
	buf_init(&text, MESSAGE_MAX_BYTES);
	size_t count = (size_t)PQntuples(rows);
	AUTO(free) struct bus_record *records = xmalloc((count + 1) * sizeof(*records));
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < count; i++) {
		int row = (int)i;
		records[i] = record_of(
		        differ, &arena, &text,
		        &(struct deviation_message){
		                .id = db_cell(rows, row, RAISED_ID),
		                .run_id = run->id,
		                .package = run->package,
		                .version = run->version,
		                .category = db_cell(rows, row, RAISED_CATEGORY),
		                .value = db_cell(rows, row, RAISED_VALUE),
		                .severity = severity_name(SEVERITY_CRIT),
		                .actor = db_cell(rows, row, RAISED_ACTOR),
		                .reason = db_cell(rows, row, RAISED_REASON),
		                .process = db_cell(rows, row, RAISED_PROCESS),
		                .command = db_cell(rows, row, RAISED_COMMAND),
		                .evidence_event_id = db_cell_int(rows, row, RAISED_EVENT_ID),
		                .detected_at_ns = db_cell_int(rows, row, RAISED_DETECTED_NS),
		        });
	}
	int failed = count ? outbox_add_many(conn, records, count, err) : 0;
	arena_release(&arena);
	return failed;
}

static int raise_ids(struct differ *differ, struct db_conn *conn, const struct raise *raise,
                     struct db_array *ids, struct error *err)
{
	const struct db_param params[] = {db_array_param(ids), DB_TEXT(mark_reason(raise->mark))};
	AUTO(pgresult) PGresult *rows = db_query(conn, &sql_raise_deviations, params, 2, err);
	return rows ? report_raised(differ, conn, differ->batch.runs[raise->run].run, rows, err)
	            : -err->code;
}

static int raise_one(struct differ *differ, struct db_conn *conn, const struct raise *raise,
                     struct error *err)
{
	AUTO(db_array) struct db_array ids;
	db_array_init(&ids, DB_ARRAY_TEXT);
	add_text(&ids, raise->id);
	return raise_ids(differ, conn, raise, &ids, err);
}

static int raise_rows(struct differ *differ, struct db_conn *conn, const struct raise *raise,
                      const PGresult *rows, struct error *err)
{
	AUTO(db_array) struct db_array ids;
	db_array_init(&ids, DB_ARRAY_TEXT);
	for (int row = 0; row < PQntuples(rows); row++)
		add_text(&ids, db_cell(rows, row, 0));
	return ids.count ? raise_ids(differ, conn, raise, &ids, err) : 0;
}

static int raise_tree(struct differ *differ, struct db_conn *conn, const struct raise *raise,
                      struct error *err)
{
	const struct db_param params[] = {DB_TEXT(differ->batch.runs[raise->run].run->id),
	                                  DB_INT(raise->tree)};
	int count;
	if (db_send(conn, &sql_open_tree, params, 2, err) < 0)
		return -err->code;
	do {
		AUTO(pgresult) PGresult *rows = db_query(conn, &sql_next_of_tree, NULL, 0, err);
		if (!rows || raise_rows(differ, conn, raise, rows, err) < 0)
			return -err->code;
		count = PQntuples(rows);
	} while (count > 0);
	return db_send(conn, &sql_close_tree, NULL, 0, err);
}

static int raise_deviations(struct differ *differ, struct db_conn *conn, struct error *err)
{
	int failed = 0;
	for (size_t i = 0; i < differ->batch.raise_count && !failed; i++) {
		const struct raise *raise = &differ->batch.raises[i];
		failed = raise->id ? raise_one(differ, conn, raise, err)
		                   : raise_tree(differ, conn, raise, err);
	}
	differ->batch.raise_count = 0;
	return failed;
}

/* What the runs' contexts learned in this batch. */
static int write_facts(struct differ *differ, struct db_conn *conn, struct error *err)
{
	AUTO(columns) struct columns columns = {0};
	struct db_array *run_ids = add_column(&columns, DB_ARRAY_TEXT);
	struct db_array *facts = add_column(&columns, DB_ARRAY_TEXT);
	AUTO(buf) struct buf lines;
	buf_init(&lines, FACTS_MAX_BYTES);
	for (size_t i = 0; i < differ->batch.run_count; i++) {
		struct run_state *run = differ->batch.runs[i].run;
		buf_reset(&lines);
		run_context_save(&run->context, &lines);
		if (lines.size == 0)
			continue;
		add_text(run_ids, run->id);
		db_array_add(facts, buf_view(&lines));
	}
	if (run_ids->count == 0)
		return 0;
	return db_send(conn, &sql_insert_facts, column_params(&columns), columns.count, err);
}

int differ_write(struct differ *differ, struct db_conn *conn, struct error *err)
{
	int failed = writer_events(differ, conn, err);
	if (!failed)
		failed = write_fingerprints(differ, conn, err);
	if (!failed)
		failed = report_deviations(differ, conn, err);
	if (!failed)
		failed = raise_deviations(differ, conn, err);
	if (!failed)
		failed = write_facts(differ, conn, err);
	if (!failed)
		failed = write_progress(differ, conn, err);
	return failed;
}
