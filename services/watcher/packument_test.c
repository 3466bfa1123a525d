// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "packument.h"

#define SHA1 "0123456789abcdef0123456789abcdef01234567"
#define DIST                                                                                       \
	"\"dist\":{\"tarball\":\"https://r/p.tgz\",\"shasum\":\"" SHA1                             \
	"\",\"integrity\":\"sha512-x\"}"

struct good_case {
	const char *name;
	const char *body;
	enum packument_state state;
	const char *latest, *tarball_url, *shasum, *integrity;
	int64_t published_at_ns;
};

static const struct good_case good_cases[] = {
        {"plain",
         "{\"name\":\"p\",\"dist-tags\":{\"latest\":\"1.2.3\"},\"versions\":{\"1.2.3\":{" DIST "}},"
         "\"time\":{\"1.2.3\":\"2026-11-22T20:18:54.819Z\"}}",
         PACKUMENT_LIVE, "1.2.3", "https://r/p.tgz", SHA1, "sha512-x",
         INT64_C(1795378734819000000)},
        {"members in any order, other versions and tags around",
         "{\"time\":{\"created\":\"x\",\"1.0.0\":\"1970-01-01T00:00:01Z\"},\"versions\":{"
         "\"0.9.0\":{\"dist\":{\"shasum\":\"no\"}},\"1.0.0\":{\"name\":\"p\"," DIST
         "},\"2.0.0-rc.1\":{}},"
         "\"dist-tags\":{\"next\":\"2.0.0-rc.1\",\"latest\":\"1.0.0\"}}",
         PACKUMENT_LIVE, "1.0.0", "https://r/p.tgz", SHA1, "sha512-x", 1000000000},
        {"no time", "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{" DIST "}}}",
         PACKUMENT_LIVE, "1.0.0", "https://r/p.tgz", SHA1, "sha512-x", INT64_MIN},
        {"time is null",
         "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{" DIST "}},\"time\":null}",
         PACKUMENT_LIVE, "1.0.0", "https://r/p.tgz", SHA1, "sha512-x", INT64_MIN},
        {"empty dist",
         "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{\"dist\":{}}}}",
         PACKUMENT_LIVE, "1.0.0", "", "", "", INT64_MIN},
        {"dist members of wrong types and kinds are left out",
         "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{\"dist\":{\"tarball\":[1],"
         "\"shasum\":\"zz23456789abcdef0123456789abcdef01234567\",\"integrity\":\"a\\u0007b\"}}}}",
         PACKUMENT_LIVE, "1.0.0", "", "", "", INT64_MIN},
        {"published again after it had been unpublished",
         "{\"dist-tags\":{\"latest\":\"1.0.1\"},\"versions\":{\"1.0.1\":{" DIST "}},\"time\":{"
         "\"unpublished\":{\"time\":\"x\"},\"1.0.1\":\"1970-01-01T00:00:01Z\"}}",
         PACKUMENT_LIVE, "1.0.1", "https://r/p.tgz", SHA1, "sha512-x", 1000000000},
        {"unpublished",
         "{\"name\":\"p\",\"time\":{\"created\":\"x\",\"unpublished\":{\"name\":\"who\","
         "\"versions\":[\"1.0.0\"]}}}",
         PACKUMENT_UNPUBLISHED, "", "", "", "", 0},
        {"unpublished with empty tags",
         "{\"dist-tags\":{},\"versions\":{},\"time\":{\"unpublished\":{}}}", PACKUMENT_UNPUBLISHED,
         "", "", "", "", 0},
        {"security-held",
         "{\"dist-tags\":{\"latest\":\"0.0.1-security\"},\"versions\":{\"0.0.1-security\":{}}}",
         PACKUMENT_SECURITY_HELD, "", "", "", "", 0},
        {"security-held again", "{\"dist-tags\":{\"latest\":\"0.0.1-security.2\"},\"versions\":{}}",
         PACKUMENT_SECURITY_HELD, "", "", "", "", 0},
        {"a version that only looks like the placeholder",
         "{\"dist-tags\":{\"latest\":\"0.0.1-securityfix\"},\"versions\":{\"0.0.1-securityfix\":{"
         "" DIST "}}}",
         PACKUMENT_LIVE, "0.0.1-securityfix", "https://r/p.tgz", SHA1, "sha512-x", INT64_MIN},
};

static void reads_good_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
		const struct good_case *c = &good_cases[i];
		struct packument packument;
		struct error err = {0};
		struct arena arena;

		print_message("%s\n", c->name);
		arena_init(&arena);
		assert_int_equal(packument_read(view_of_string(c->body), &arena, &packument, &err),
		                 0);
		assert_int_equal(packument.state, c->state);
		assert_string_equal(packument.latest, c->latest);
		assert_string_equal(packument.tarball_url, c->tarball_url);
		assert_string_equal(packument.shasum, c->shasum);
		assert_string_equal(packument.integrity, c->integrity);
		assert_true(packument.published_at_ns == c->published_at_ns);
		arena_release(&arena);
	}
}

struct bad_case {
	const char *name;
	const char *body;
	const char *says; /* part of the sentence, or NULL */
};

static const struct bad_case bad_cases[] = {
        {"empty", "", NULL},
        {"no object", "[]", NULL},
        {"a web page", "<html>proxy error</html>", NULL},
        {"cut short in the middle of the versions",
         "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{" DIST "}", NULL},
        {"no tags", "{\"name\":\"p\",\"versions\":{}}", "dist-tags.latest"},
        {"no latest", "{\"dist-tags\":{\"next\":\"1.0.0\"},\"versions\":{}}", "dist-tags.latest"},
        {"latest is a number", "{\"dist-tags\":{\"latest\":1},\"versions\":{}}",
         "dist-tags.latest"},
        {"latest is not listed", "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{}}",
         "not listed"},
        {"no versions", "{\"dist-tags\":{\"latest\":\"1.0.0\"}}", "not listed"},
        {"no dist", "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{}}}",
         "no 'dist'"},
        {"the version is no object",
         "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":7}}", "1.0.0"},
        {"dist is no object",
         "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{\"dist\"}}}", NULL},
        {"latest would run a command",
         "{\"dist-tags\":{\"latest\":\"1.0.0;reboot\"},\"versions\":{\"1.0.0;reboot\":{" DIST "}}}",
         "not a version"},
        {"latest is an option", "{\"dist-tags\":{\"latest\":\"--foo\"},\"versions\":{}}",
         "not a version"},
        {"latest has a line break",
         "{\"dist-tags\":{\"latest\":\"1.0.0\\n\"},\"versions\":{\"1.0.0\\n\":{" DIST "}}}",
         "dist-tags.latest"},
};

static void refuses_bad_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
		const struct bad_case *c = &bad_cases[i];
		struct packument packument;
		struct error err = {0};
		struct arena arena;

		print_message("%s\n", c->name);
		arena_init(&arena);
		assert_true(packument_read(view_of_string(c->body), &arena, &packument, &err) < 0);
		assert_true(err.text[0] != '\0');
		if (c->says && !strstr(err.text, c->says))
			fail_msg("unexpected sentence: %s", err.text);
		arena_release(&arena);
	}
}

/* A flood of brackets must end in an error, not in a stack overflow. */
static void survives_deep_nesting(void **state)
{
	(void)state;
	struct packument packument;
	struct error err = {0};
	struct arena arena;
	AUTO(buf) struct buf body;

	arena_init(&arena);
	buf_init(&body, 4 << 20);
	buf_append_string(&body, "{\"versions\":");
	for (int i = 0; i < 1000000; i++)
		buf_append_char(&body, '[');
	assert_true(packument_read(buf_view(&body), &arena, &packument, &err) < 0);
	arena_release(&arena);
}

static void refuses_an_endless_dist(void **state)
{
	(void)state;
	struct packument packument;
	struct error err = {0};
	struct arena arena;
	AUTO(buf) struct buf body;

	arena_init(&arena);
	buf_init(&body, 1 << 20);
	buf_append_string(&body, "{\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":{"
	                         "\"dist\":{\"x\":\"");
	for (int i = 0; i < 100000; i++)
		buf_append_char(&body, 'x');
	buf_append_string(&body, "\"}}}}");
	assert_true(packument_read(buf_view(&body), &arena, &packument, &err) < 0);
	assert_non_null(strstr(err.text, "longer than"));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_good_documents),
	        cmocka_unit_test(refuses_bad_documents),
	        cmocka_unit_test(survives_deep_nesting),
	        cmocka_unit_test(refuses_an_endless_dist),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
