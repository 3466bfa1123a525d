// SPDX-License-Identifier: Apache-2.0
#include "differ_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/event_codec.h"
#include "model/model_fixture.h"

enum {
	PARTITIONS = 3,
	MESSAGE_MAX = 4 << 20,
	FIXTURE_MAX = 64 << 20,
	TURN_MS = 50,
	DEADLINE_MS = 60000,
};

__attribute__((noreturn)) static void give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "differ fixture: %s: %s\n", what, why);
	abort();
}

static void must(int failed, const char *what, const struct error *err)
{
	if (failed < 0)
		give_up(what, err->text);
}

struct differ_fixture *differ_fixture_create(void)
{
	struct differ_fixture *f = xcalloc(1, sizeof(*f));
	struct error err = {0};
	char driver[] = "postgres", prefix[] = "";
	f->db = db_fixture_create(true);
	f->bus = bus_open(&(struct bus_config){.driver = driver,
	                                       .topic_prefix = prefix,
	                                       .partitions = PARTITIONS,
	                                       .jobs_partitions = 1,
	                                       .retention_ms = INT64_C(3600) * MS_PER_S},
	                  f->db->db, "fangs-differ-test", &err);
	if (!f->bus)
		give_up("bus", err.text);
	must(bus_create_topics(f->bus, &err), "topics", &err);
	f->service = service_start("fangs-differ-test", &(struct service_config){0}, &err);
	if (!f->service)
		give_up("service", err.text);
	f->config = (struct differ_config){.batch_messages = 64,
	                                   .batch_bytes = 1 << 20,
	                                   .cached_runs = 64,
	                                   .quiet_ms = 300,
	                                   .seed_runs = 1,
	                                   .control_limit_ms = MS_PER_S};
	return f;
}

void differ_fixture_destroy(struct differ_fixture *f)
{
	differ_fixture_stop(f);
	(void)service_finish(f->service, NULL);
	bus_close(f->bus);
	db_fixture_destroy(f->db);
	free(f);
}

void differ_fixture_start(struct differ_fixture *f)
{
	struct error err = {0};
	f->differ = differ_create(&f->config, f->service, f->db->db, f->bus, &err);
	if (!f->differ)
		give_up("differ", err.text);
}

void differ_fixture_stop(struct differ_fixture *f)
{
	differ_destroy(f->differ);
	f->differ = NULL;
}

static bool is_drained(struct differ_fixture *f)
{
	return db_fixture_number(f->db, "SELECT count(*) FROM bus_partitions b LEFT JOIN"
	                                " consumer_offsets o ON o.topic = b.topic"
	                                " AND o.partition = b.partition"
	                                " AND o.consumer_group = 'fangs-differ'"
	                                " WHERE b.topic = 'events'"
	                                " AND b.next_offset > coalesce(o.next_offset, 0)") == 0;
}

void differ_fixture_drain(struct differ_fixture *f)
{
	struct error err = {0};
	int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
	while (!is_drained(f)) {
		must(differ_turn(f->differ, TURN_MS, &err), "turn", &err);
		if (clock_monotonic_ms() > deadline_ms)
			give_up("drain", "messages are left after a minute");
	}
}

struct run_id differ_fixture_run(struct differ_fixture *f, const char *package, const char *version)
{
	struct run_id run_id = run_id_new();
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(&run_id, id);
	AUTO(free)
	char *sql = xasprintf("INSERT INTO runs (id, package_name, version, state, phase, "
	                      "started_at, lease_expires_at) VALUES ('%s', '%s', '%s', 'pending', "
	                      "'running', now(), now() + INTERVAL '1 hour')",
	                      id, package, version);
	(void)db_fixture_number(f->db, sql);
	return run_id;
}

void differ_fixture_raw(struct differ_fixture *f, struct view key, struct view value)
{
	struct error err = {0};
	const struct bus_record record = {
	        .topic = BUS_EVENTS, .partition = BUS_PARTITION_BY_KEY, .key = key, .value = value};
	must(bus_produce_sync(f->bus, &record, DEADLINE_MS, &err), "produce", &err);
}

static void produce(struct differ_fixture *f, const struct run_id *run_id, const struct buf *value)
{
	char key[RUN_ID_TEXT_SIZE];
	run_id_format(run_id, key);
	differ_fixture_raw(f, view_of_string(key), buf_view(value));
}

static struct events_header header_of(const struct run_id *run_id, enum events_kind kind,
                                      uint32_t attempt, uint64_t seq)
{
	return (struct events_header){.kind = kind,
	                              .run_id = *run_id,
	                              .attempt = attempt,
	                              .runner_id = VIEW_LITERAL("rec"),
	                              .seq = seq,
	                              .sent_at_ns = clock_wall_ns()};
}

void differ_fixture_batch(struct differ_fixture *f, const struct run_id *run_id, uint32_t attempt,
                          uint64_t seq, const struct event *events, size_t count)
{
	AUTO(buf) struct buf value;
	buf_init(&value, MESSAGE_MAX);
	struct events_header header = header_of(run_id, EVENTS_BATCH, attempt, seq);
	events_write_batch(&value, &header);
	for (size_t i = 0; i < count; i++)
		events_write_event(&value, &events[i]);
	produce(f, run_id, &value);
}

void differ_fixture_result(struct differ_fixture *f, const struct run_id *run_id, uint32_t attempt,
                           const struct run_result *result)
{
	AUTO(buf) struct buf value;
	buf_init(&value, MESSAGE_MAX);
	struct events_header header = header_of(run_id, EVENTS_RESULT, attempt, result->last_seq);
	events_write_result(&value, &header, result);
	produce(f, run_id, &value);
}

void differ_fixture_give(struct differ_fixture *f, const struct run_id *run_id, uint64_t seq,
                         struct event event)
{
	differ_fixture_batch(f, run_id, 1, seq, &event, 1);
	differ_fixture_drain(f);
}

struct run_id differ_fixture_short_run(struct differ_fixture *f, const char *version,
                                       struct event event)
{
	struct run_id run_id = differ_fixture_run(f, "left-pad", version);
	struct run_result ok = differ_fixture_ok(1);
	differ_fixture_batch(f, &run_id, 1, 1, &event, 1);
	differ_fixture_result(f, &run_id, 1, &ok);
	return run_id;
}

/* Gives the batches of the session, numbered on from `seq`. Returns the last number. */
static uint64_t replay_batches(struct differ_fixture *f, const struct run_id *run_id,
                               struct view session, uint64_t seq)
{
	struct error err = {0};
	struct arena arena;
	arena_init(&arena);
	struct wire_batches batches;
	must(model_fixture_read_wire(session, &arena, &batches, &err), "session", &err);
	for (size_t i = 0; i < batches.count; i++)
		differ_fixture_batch(f, run_id, 1, ++seq, batches.list[i].events,
		                     batches.list[i].event_count);
	arena_release(&arena);
	return seq;
}

void differ_fixture_recorded(struct differ_fixture *f, const struct run_id *run_id,
                             const char *version, unsigned times)
{
	struct error err = {0};
	AUTO(free) char *batches = xasprintf("events-%s.ndjson.gz", version);
	AUTO(free) char *end = xasprintf("result-%s.json", version);
	AUTO(buf) struct buf body;
	buf_init(&body, FIXTURE_MAX);
	model_fixture_read(batches, &body);
	uint64_t seq = 0;
	for (unsigned i = 0; i < times; i++)
		seq = replay_batches(f, run_id, buf_view(&body), seq);

	struct arena arena;
	arena_init(&arena);
	AUTO(free) char *json = model_fixture_member(end, "body");
	struct run_result result;
	must(run_result_read_json(view_of_string(json), &arena, &result, &err), end, &err);
	differ_fixture_result(f, run_id, 1, &result);
	arena_release(&arena);
}

static struct event event_of(enum event_type type, enum actor actor)
{
	return (struct event){.type = type,
	                      .wire_type = (uint8_t)type,
	                      .process = {.pid = 7,
	                                  .tid = 7,
	                                  .ppid = 1,
	                                  .comm = VIEW_LITERAL("node"),
	                                  .actor = actor}};
}

struct event differ_fixture_open(const char *path, int32_t flags, enum actor actor)
{
	struct event event = event_of(EVENT_FILE, actor);
	event.file = (struct event_file){
	        .flags = flags, .path = view_of_string(path), .result = INT32_MIN};
	return event;
}

struct event differ_fixture_read(const char *path)
{
	return differ_fixture_open(path, O_RDONLY, ACTOR_PACKAGE);
}

struct event differ_fixture_exec(const char *path, enum actor actor)
{
	struct event event = event_of(EVENT_EXEC, actor);
	event.exec.path = view_of_string(path);
	return event;
}

struct event differ_fixture_dns(const char *name, enum actor actor)
{
	struct event event = event_of(EVENT_DNS, actor);
	event.dns.name = view_of_string(name);
	return event;
}

struct event differ_fixture_connect(const char *name, uint8_t last, uint16_t port, enum actor actor)
{
	struct event event = event_of(EVENT_CONNECT, actor);
	event.process.start_ns = 1; /* our sensor: it would say the name */
	event.connect =
	        (struct event_connect){.family = 2, .port = port, .name = view_of_string(name)};
	memcpy(event.connect.address, (uint8_t[]){192, 0, 2, last}, 4);
	return event;
}

struct run_result differ_fixture_ok(uint64_t last_seq)
{
	return (struct run_result){.status = RUN_STATUS_OK,
	                           .duration_ns = NS_PER_S,
	                           .native = true,
	                           .last_seq = last_seq,
	                           .image = VIEW_LITERAL("node:20-slim")};
}

char *differ_fixture_text(struct differ_fixture *f, const char *sql)
{
	PGconn *pg = PQconnectdb(f->db->url);
	PGresult *rows = PQexec(pg, sql);
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		give_up(sql, PQerrorMessage(pg));
	char *text = xstrdup(PQntuples(rows) ? db_cell(rows, 0, 0) : "");
	PQclear(rows);
	PQfinish(pg);
	return text;
}

char *differ_fixture_dump(struct differ_fixture *f)
{
	static const char sql[] =
	        "SELECT concat_ws(E'\\n',"
	        " (SELECT string_agg(concat_ws('|', id, state, phase, verdict, complete,"
	        "   incomplete_reason, is_baseline, events_emitted, events_dropped), E'\\n'"
	        "   ORDER BY id) FROM runs),"
	        " (SELECT string_agg(concat_ws('|', run_id, type, data), E'\\n' ORDER BY run_id, "
	        "id)"
	        "   FROM events),"
	        " (SELECT string_agg(concat_ws('|', run_id, attempt, seqs, events_stored), E'\\n'"
	        "   ORDER BY run_id) FROM run_progress),"
	        " (SELECT string_agg(concat_ws('|', f.run_id, category, actor, value, count, cred,"
	        "   e.data), E'\\n' ORDER BY f.run_id, category, actor, value)"
	        "   FROM run_fingerprints f JOIN events e ON e.id = f.first_event_id),"
	        " (SELECT string_agg(concat_ws('|', d.id, d.run_id, category, value, severity, "
	        "actor,"
	        "   reason, process, e.data), E'\\n' ORDER BY d.id)"
	        "   FROM deviations d JOIN events e ON e.id = d.evidence_event_id),"
	        " (SELECT string_agg(concat_ws('|', package_name, category, value,"
	        "   first_seen_run_id, last_seen_run_id, occurrence_count, merged_run_id, "
	        "since_line,"
	        "   until_line, seen_promotion), E'\\n' ORDER BY package_name, category, value)"
	        "   FROM baseline_fingerprints),"
	        " (SELECT string_agg(concat_ws('|', package_name, category, actor, value, pattern,"
	        "   tail, shown_by, not_shown_by), E'\\n' ORDER BY package_name, category, actor,"
	        "   value, pattern, tail) FROM volatile_values),"
	        " (SELECT string_agg(concat_ws('|', a.*), E'\\n'"
	        "   ORDER BY package_name, category, value, actor) FROM baseline_actors a),"
	        " (SELECT string_agg(concat_ws('|', package_name, state, seeded_by), E'\\n'"
	        "   ORDER BY package_name) FROM baselines),"
	        " (SELECT string_agg(concat_ws('|', m ->> 'type', m ->> 'run_id', m ->> 'id',"
	        "   m ->> 'verdict'), E'\\n' ORDER BY m ->> 'type', m ->> 'run_id', m ->> 'id')"
	        "   FROM outbox, LATERAL (SELECT convert_from(value, 'UTF8')::jsonb AS m) AS x),"
	        " (SELECT string_agg(concat_ws('|', service, partition, log_offset, reason), E'\\n'"
	        "   ORDER BY partition, log_offset) FROM dead_letters))";
	return differ_fixture_text(f, sql);
}
