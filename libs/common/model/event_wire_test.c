// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/event_codec.h"
#include "model/event_wire.h"
#include "model/model_fixture.h"

enum { JSON_MAX = 8 * 1024 * 1024 };

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct wire_batches read_all(struct view body)
{
	struct wire_batches batches;
	struct error err = {0};
	if (model_fixture_read_wire(body, &arena, &batches, &err) < 0)
		fail_msg("%s", err.text);
	return batches;
}

static struct wire_batch read_first(const char *body)
{
	struct wire_batches batches = read_all(view_of_string(body));
	assert_true(batches.count > 0);
	return batches.list[0];
}

static struct event read_event(const char *element)
{
	AUTO(buf) struct buf body;
	buf_init(&body, JSON_MAX);
	buf_printf(&body, "{\"events\":[%s]}", element);
	struct wire_batch batch = read_first(arena_copy(&arena, buf_view(&body)).data);
	assert_int_equal(batch.event_count, 1);
	return batch.events[0];
}

/* The examples of the wire's description: read, and written again byte for byte. */
static void examples_are_written_byte_for_byte(void **state)
{
	(void)state;
	AUTO(buf) struct buf text;
	model_fixture_read("examples.ndjson", &text);
	struct view rest = view_trim(buf_view(&text));
	size_t lines = 0;
	for (; rest.size; lines++) {
		struct view line = view_split(&rest, '\n');
		struct wire_batches batches = read_all(line);
		assert_int_equal(batches.count, 1);
		struct wire_batch batch = batches.list[0];
		AUTO(buf) struct buf out;
		buf_init(&out, JSON_MAX);
		event_wire_write_batch(&out, &batch.run_id, batch.seq, batch.events,
		                       batch.event_count);
		assert_string_equal(out.data, arena_copy(&arena, line).data);
	}
	assert_int_equal(lines, 7);
}

static void examples_are_understood(void **state)
{
	(void)state;
	AUTO(buf) struct buf text;
	model_fixture_read("examples.ndjson", &text);
	struct event events[7];
	struct wire_batches batches = read_all(buf_view(&text));
	assert_int_equal(batches.count, 7);
	for (size_t i = 0; i < 7; i++) {
		struct wire_batch batch = batches.list[i];
		assert_int_equal(batch.seq, i + 1);
		assert_int_equal(batch.event_count, 1);
		events[i] = batch.events[0];
	}
	assert_int_equal(batches.list[6].run_id.bytes[0], 24);
	assert_int_equal(events[0].process.ts_ns, 98765432101234);
	assert_int_equal(events[0].process.tags, 3);
	assert_true(view_is(events[0].process.comm, "node"));
	assert_true(view_is(events[0].file.path, "/root/.ssh/id_rsa"));
	assert_int_equal(events[0].file.dfd, -100);
	assert_true(events[0].file.result == INT32_MIN);
	assert_true(view_is(events[1].exec.path, "/usr/bin/curl"));
	assert_int_equal(events[1].exec.argc, 2);
	assert_true(view_is(events[1].exec.argv[1], "x"));
	assert_int_equal(events[1].exec.ancestor_count, 2);
	assert_true(view_is(events[1].exec.ancestors[1].comm, "npm install"));
	assert_int_equal(events[1].exec.ancestors[1].pid, 290);
	assert_int_equal(events[2].connect.port, 31337);
	assert_memory_equal(events[2].connect.address, "\1\2\3\4\0", 5);
	assert_true(view_is(events[3].dns.name, "evil.test"));
	assert_int_equal(events[3].dns.query.size, 27);
	assert_memory_equal(events[3].dns.query.data, "\x12\x34\1", 3);
	assert_true(view_is(events[4].tls.sni, "evil.test"));
	assert_false(events[4].tls.parse_failed);
	assert_true(events[5].dns.parse_failed);
	assert_true(events[6].tls.parse_failed);
	assert_memory_equal(events[6].tls.raw.data, "\x16\x03\x01\x02", 5);
}

/* A recorded session: how many batches and events, and that nothing of an event is lost on the way
 * over the bus and back to the wire. */
static void assert_session(const char *name, size_t batches, size_t events)
{
	AUTO(buf) struct buf text;
	model_fixture_read(name, &text);
	size_t counts[EVENT_TYPE_COUNT] = {0};
	size_t total = 0;
	struct wire_batches read = read_all(buf_view(&text));
	assert_int_equal(read.count, batches);
	for (size_t at = 0; at < read.count; at++) {
		struct wire_batch batch = read.list[at];
		assert_int_equal(batch.seq, at + 1);
		AUTO(buf) struct buf again;
		buf_init(&again, JSON_MAX);
		event_wire_write_batch(&again, &batch.run_id, batch.seq, batch.events,
		                       batch.event_count);
		struct wire_batch copy = read_first(again.data);
		assert_int_equal(copy.event_count, batch.event_count);
		for (size_t i = 0; i < batch.event_count; i++) {
			assert_null(model_fixture_difference(&batch.events[i], &copy.events[i]));
			counts[batch.events[i].type]++;
		}
		total += batch.event_count;
	}
	assert_int_equal(total, events);
	assert_int_equal(counts[EVENT_UNKNOWN], 0);
}

static void recorded_sessions_are_understood(void **state)
{
	(void)state;
	assert_session("events-1.0.1.ndjson.gz", 30, 1742);
	assert_session("events-1.0.0.ndjson.gz", 29, 1734);
}

static void our_members_go_both_ways(void **state)
{
	(void)state;
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	struct run_id id = {{1, 2}};
	event_wire_write_batch(&out, &id, UINT64_MAX, model_fixture_events, MODEL_FIXTURE_EVENTS);
	assert_false(out.overflowed);
	struct wire_batch batch = read_first(out.data);
	assert_true(run_id_equal(&batch.run_id, &id));
	assert_true(batch.seq == UINT64_MAX);
	assert_int_equal(batch.event_count, MODEL_FIXTURE_EVENTS);
	for (size_t i = 0; i < MODEL_FIXTURE_EVENTS; i++)
		assert_null(model_fixture_difference(&batch.events[i], &model_fixture_events[i]));
}

static void batches_need_no_separator(void **state)
{
	(void)state;
	static const char body[] =
	        "{\"seq\":1}{\"seq\":2,\"events\":null}\n\n \t{\"seq\":3,\"events\":[]}"
	        "null\r\n";
	struct wire_batches batches = read_all(VIEW_LITERAL(body));
	assert_int_equal(batches.count, 4);
	for (uint64_t seq = 1; seq <= 3; seq++) {
		assert_int_equal(batches.list[seq - 1].seq, seq);
		assert_int_equal(batches.list[seq - 1].event_count, 0);
	}
	assert_int_equal(read_all(VIEW_LITERAL("")).count, 0);
	assert_int_equal(read_all(VIEW_LITERAL(" \n")).count, 0);
}

static void batches_are_read_as_leniently_as_before(void **state)
{
	(void)state;
	struct wire_batch batch =
	        read_first("{\"RUN_ID\":[1,2,3],\"Seq\":9,\"seq\":5,\"more\":{\"x\":[1]},"
	                   "\"EVENTS\":[{\"Payload\":{\"pathname\":\"/a\",\"header\":{\"pid\":7},"
	                   "\"FLAGS\":null,\"New\":{}},\"Type\":1,\"x\":0}]}");
	assert_memory_equal(batch.run_id.bytes, "\1\2\3\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(batch.seq, 5);
	assert_int_equal(batch.event_count, 1);
	assert_int_equal(batch.events[0].type, EVENT_FILE);
	assert_int_equal(batch.events[0].process.pid, 7);
	assert_true(view_is(batch.events[0].file.path, "/a"));
	batch = read_first("{\"run_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]}");
	assert_int_equal(batch.run_id.bytes[15], 16);
}

static void text_is_made_valid(void **state)
{
	(void)state;
	struct event event =
	        read_event("{\"type\":1,\"payload\":{\"PathName\":\"/a\\u0000b\xFF\\ud800\"}}");
	assert_true(view_equal(event.file.path, view_of("/a\0b\xEF\xBF\xBD\xEF\xBF\xBD", 10)));
}

static void long_text_is_cut(void **state)
{
	(void)state;
	AUTO(buf) struct buf text;
	buf_init(&text, JSON_MAX);
	buf_append_string(&text, "{\"type\":1,\"payload\":{\"PathName\":\"");
	for (size_t i = 0; i <= EVENT_TEXT_MAX; i++)
		buf_append_char(&text, 'a');
	buf_append_string(&text, "\"}}");
	struct event event = read_event(text.data);
	assert_int_equal(event.file.path.size, EVENT_TEXT_MAX);
	assert_true(event.file.truncated);
}

static void arguments_and_ancestors_are_bounded(void **state)
{
	(void)state;
	AUTO(buf) struct buf text;
	buf_init(&text, JSON_MAX);
	buf_append_string(&text, "{\"type\":2,\"payload\":{\"ArgvStrs\":[null");
	for (size_t i = 0; i < EVENT_ARGV_MAX; i++)
		buf_append_string(&text, ",\"a\"");
	buf_append_string(&text, "],\"AncestorComms\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]}}");
	struct event event = read_event(text.data);
	assert_int_equal(event.exec.argc, EVENT_ARGV_MAX);
	assert_true(event.exec.argv_truncated);
	assert_int_equal(event.exec.ancestor_count, EVENT_ANCESTORS_MAX);
	assert_true(view_is(event.exec.ancestors[4].comm, "e"));
	event = read_event("{\"type\":2,\"payload\":{\"Ancestors\":[{\"PID\":1,\"Comm\":[97,98]},"
	                   "{\"PID\":0},{\"PID\":3}]}}");
	assert_int_equal(event.exec.ancestor_count, 1);
	assert_true(view_is(event.exec.ancestors[0].comm, "ab"));
}

static void the_address_as_text_counts(void **state)
{
	(void)state;
	static const struct {
		const char *payload, *text;
	} cases[] = {
	        {"{\"DestIP\":\"1.2.3.4\",\"DestPort\":1}", "1.2.3.4"},
	        {"{\"DestIP\":\"2001:db8::1\"}", "2001:db8::1"},
	        {"{\"Family\":10,\"DestIP\":\"1.2.3.4\"}", "1.2.3.4"},
	        {"{\"Family\":2,\"DestAddr\":[8,8,8,8]}", "8.8.8.8"},
	        {"{\"Family\":2,\"DestAddr\":[8,8,8,8],\"DestIP\":\"x\"}", "8.8.8.8"},
	        {"{\"Family\":1,\"DestIP\":\"\"}", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf element;
		buf_init(&element, JSON_MAX);
		buf_printf(&element, "{\"type\":3,\"payload\":%s}", cases[i].payload);
		struct event event = read_event(element.data);
		char text[EVENT_IP_TEXT_MAX];
		event_format_ip(event.connect.family, event.connect.address, text);
		assert_string_equal(text, cases[i].text);
	}
}

/* What existing servers store, whatever its shape, is kept with its text. */
static void other_payloads_are_kept(void **state)
{
	(void)state;
	static const struct {
		const char *element, *payload, *row_type;
	} cases[] = {
	        {"{\"type\":9,\"payload\":{\"a\":[1]}}", "{\"a\":[1]}", "unknown"},
	        {"{\"type\":0,\"payload\":7}", "7", "unknown"},
	        {"{\"type\":1}", "null", "file_access"},
	        {"{\"type\":1,\"payload\":null}", "null", "file_access"},
	        {"{}", "null", "unknown"},
	        {"null", "null", "unknown"},
	        {"{\"type\":1,\"payload\":\"x\"}", "\"x\"", "file_access"},
	        {"{\"type\":1,\"payload\":{\"PathName\":7}}", "{\"PathName\":7}", "file_access"},
	        {"{\"type\":1,\"payload\":{\"Header\":{\"PID\":-1}}}", "{\"Header\":{\"PID\":-1}}",
	         "file_access"},
	        {"{\"payload\":{\"Family\":300},\"type\":3}", "{\"Family\":300}", "net_connect"},
	        {"{\"type\":4,\"payload\":{\"QueryLen\":1,\"Query\":[256]}}",
	         "{\"QueryLen\":1,\"Query\":[256]}", "dns_query"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = read_event(cases[i].element);
		assert_int_equal(event.type, EVENT_UNKNOWN);
		assert_true(view_is(event.unknown, cases[i].payload));
		assert_string_equal(event_row_type(&event), cases[i].row_type);
	}
}

static void a_late_type_counts(void **state)
{
	(void)state;
	struct event event = read_event(
	        "{\"type\":1,\"payload\":{\"SNI\":\"x\",\"PathName\":\"/a\"},\"type\":5}");
	assert_int_equal(event.type, EVENT_TLS);
	assert_int_equal(event.wire_type, EVENT_TLS);
	assert_true(view_is(event.tls.sni, "x"));
}

/* What is ours of a file event, by name on the wire. */
static void every_operation_goes_both_ways(void **state)
{
	(void)state;
	for (enum file_operation i = FILE_OPEN; i < FILE_OPERATION_COUNT; i++) {
		struct event event = model_fixture_events[0];
		event.file.operation = i;
		struct run_id run_id = {{1}};
		AUTO(buf) struct buf text;
		buf_init(&text, JSON_MAX);
		event_wire_write_batch(&text, &run_id, 1, &event, 1);
		struct wire_batch copy = read_first(text.data);
		assert_int_equal(copy.event_count, 1);
		assert_null(model_fixture_difference(&event, &copy.events[0]));
		assert_true((strstr(text.data, "\"Operation\"") != NULL) == (i != FILE_OPEN));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(examples_are_written_byte_for_byte),
	        cmocka_unit_test(examples_are_understood),
	        cmocka_unit_test(recorded_sessions_are_understood),
	        cmocka_unit_test(our_members_go_both_ways),
	        cmocka_unit_test(batches_need_no_separator),
	        cmocka_unit_test(batches_are_read_as_leniently_as_before),
	        cmocka_unit_test(text_is_made_valid),
	        cmocka_unit_test(long_text_is_cut),
	        cmocka_unit_test(arguments_and_ancestors_are_bounded),
	        cmocka_unit_test(the_address_as_text_counts),
	        cmocka_unit_test(other_payloads_are_kept),
	        cmocka_unit_test(a_late_type_counts),
	        cmocka_unit_test(every_operation_goes_both_ways),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
