// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/messages.h"

enum { JSON_MAX = 4096 };

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

static const char release_text[] =
        "{\"type\":\"release\",\"package\":\"@a/b\",\"version\":\"1.0.1\","
        "\"previous_version\":\"1.0.0\",\"tarball_url\":\"http://r/b.tgz\",\"shasum\":\"ab\","
        "\"integrity\":\"sha512-x\",\"published_at\":\"0001-01-01T00:00:00Z\","
        "\"discovered_at\":\"2026-11-22T20:18:54.5Z\"}";

static const char deviation_text[] =
        "{\"type\":\"deviation\",\"id\":\"0a\",\"run_id\":\"0b\",\"package\":\"p\","
        "\"version\":\"1.0.1\",\"category\":\"fs_new_path_read\",\"value\":\"/root/.ssh/id_rsa\","
        "\"severity\":\"crit\",\"actor\":\"package\",\"reason\":\"\\u003cnew\\u003e\","
        "\"process\":\"npm \\u003e sh\",\"command\":\"node "
        "x.js\",\"evidence_event_id\":9007199254740993,"
        "\"detected_at\":\"2026-11-22T20:18:54Z\"}";

static const char verdict_text[] =
        "{\"type\":\"verdict\",\"run_id\":\"0b\",\"package\":\"p\",\"version\":\"1.0.1\","
        "\"verdict\":\"deviates\",\"max_severity\":\"crit\",\"deviation_count\":6,"
        "\"complete\":true,\"judged_at\":\"2026-11-22T20:18:54Z\"}";

static void releases_go_both_ways(void **state)
{
	(void)state;
	struct release_message message;
	assert_int_equal(release_message_read(view_of_string(release_text), &arena, &message, NULL),
	                 0);
	assert_string_equal(message.package, "@a/b");
	assert_true(message.published_at_ns == INT64_MIN);
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	release_message_write(&out, &message);
	assert_string_equal(out.data, release_text);
}

static void deviations_go_both_ways(void **state)
{
	(void)state;
	enum deviations_type type = DEVIATIONS_VERDICT;
	struct deviation_message deviation;
	struct verdict_message verdict;
	assert_int_equal(deviations_message_read(view_of_string(deviation_text), &arena, &type,
	                                         &deviation, &verdict, NULL),
	                 0);
	assert_int_equal(type, DEVIATIONS_DEVIATION);
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	deviation_message_write(&out, &deviation);
	assert_string_equal(out.data, deviation_text);
}

static void verdicts_go_both_ways(void **state)
{
	(void)state;
	enum deviations_type type = DEVIATIONS_DEVIATION;
	struct deviation_message deviation;
	struct verdict_message verdict;
	assert_int_equal(deviations_message_read(view_of_string(verdict_text), &arena, &type,
	                                         &deviation, &verdict, NULL),
	                 0);
	assert_int_equal(type, DEVIATIONS_VERDICT);
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	verdict_message_write(&out, &verdict);
	assert_string_equal(out.data, verdict_text);
}

static void missing_text_is_empty(void **state)
{
	(void)state;
	struct release_message message;
	assert_int_equal(
	        release_message_read(
	                VIEW_LITERAL("{\"package\":\"p\",\"version\":\"1.0.0\",\"new\":1}"), &arena,
	                &message, NULL),
	        0);
	assert_string_equal(message.shasum, "");
	const struct verdict_message verdict = {.run_id = "r", .verdict = "clean"};
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	verdict_message_write(&out, &verdict);
	assert_non_null(strstr(out.data, "\"max_severity\":\"\""));
}

static void bad_messages_are_dropped(void **state)
{
	(void)state;
	struct error err = {0};
	struct release_message release;
	assert_true(release_message_read(VIEW_LITERAL("{\"package\":\"p\"}"), &arena, &release,
	                                 &err) < 0);
	assert_string_equal(err.text, "release: package and version must be given");
	assert_true(release_message_read(VIEW_LITERAL("{\"package\":1}"), &arena, &release, &err) <
	            0);
	assert_string_equal(err.text, "release: package: expected a string at offset 11");
	static const char *const texts[] = {
	        "",
	        "x",
	        "{}",
	        "{\"type\":\"other\"}",
	        "{\"type\":\"verdict\"}",
	        "{\"type\":\"deviation\",\"id\":\"a\"}",
	        "{\"type\":\"deviation\",\"id\":\"a\",\"run_id\":\"b\",\"value\":\"\\u0000\"}",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum deviations_type type;
		struct deviation_message deviation;
		struct verdict_message verdict;
		assert_true(deviations_message_read(view_of_string(texts[i]), &arena, &type,
		                                    &deviation, &verdict, &err) < 0);
		assert_int_equal(err.class, ERROR_DROP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(releases_go_both_ways),
	        cmocka_unit_test(deviations_go_both_ways),
	        cmocka_unit_test(verdicts_go_both_ways),
	        cmocka_unit_test(missing_text_is_empty),
	        cmocka_unit_test(bad_messages_are_dropped),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
