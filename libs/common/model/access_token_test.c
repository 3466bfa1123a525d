// SPDX-License-Identifier: Apache-2.0
#include "model/access_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "db/db_fixture.h"

struct test {
	struct db_fixture *fixture;
	struct db_conn *conn;
	struct arena arena;
};

static int setup(void **state)
{
	static struct test test;

	test.fixture = db_fixture_create(true);
	test.conn = db_acquire(test.fixture->db, NULL);
	assert_non_null(test.conn);
	arena_init(&test.arena);
	*state = &test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	db_release(test->conn);
	arena_release(&test->arena);
	db_fixture_destroy(test->fixture);
	return 0;
}

static struct access_token_owner find(struct test *test, const char *text)
{
	struct access_token_owner owner = {0};
	uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE];

	assert_true(access_token_digest(view_of_string(text), digest));
	assert_int_equal(access_token_find(test->conn, digest, &test->arena, &owner, NULL), 0);
	return owner;
}

static void only_tokens_look_like_tokens(void **state)
{
	static const char *const bad[] = {
	        "",
	        "fangs_",
	        "fangs_o_short",
	        "bangs_o_0123456789012345678901234567890123456789012",
	        "fangs_o_01234567890123456789012345678901234567890123",
	};
	uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(access_token_digest(view_of_string(bad[i]), digest));
}

static void tells_whose_a_token_is(void **state)
{
	struct test *test = *state;
	struct access_token alice = {"alice", ROLE_OPERATOR, "", "root", 0};
	struct access_token runner = {"build-1", ROLE_RUNNER, "", "root", 3600};
	struct access_token_made made, again;

	assert_int_equal(access_token_create(test->conn, &alice, &made, NULL), 0);
	assert_int_equal(strlen(made.text), ACCESS_TOKEN_TEXT_SIZE - 1);
	assert_int_equal(strncmp(made.text, "fangs_o_", 8), 0);
	assert_string_equal(find(test, made.text).name, "alice");
	assert_int_equal(find(test, made.text).role, ROLE_OPERATOR);
	assert_int_equal(db_fixture_number(test->fixture, "SELECT count(*) FROM access_tokens"
	                                                  " WHERE last_used_at IS NOT NULL"),
	                 1);
	/* The text itself is nowhere. */
	assert_int_equal(db_fixture_number(test->fixture, "SELECT count(*) FROM access_tokens t"
	                                                  " WHERE t::text LIKE '%fangs\\_%'"),
	                 0);
	assert_int_equal(access_token_create(test->conn, &runner, &again, NULL), 0);
	assert_string_not_equal(made.text + 8, again.text + 8);
	assert_string_equal(find(test, again.text).runner_id, "build-1");
	made.text[20] = made.text[20] == 'x' ? 'y' : 'x';
	assert_int_equal(find(test, made.text).role, ROLE_NONE);
}

static void ends_with_its_time_or_by_a_word(void **state)
{
	struct test *test = *state;
	const struct access_token token = {"bob", ROLE_VIEWER, "", "", 60};
	struct access_token_made first, second;
	struct error err = {0};

	assert_int_equal(access_token_create(test->conn, &token, &first, NULL), 0);
	assert_int_equal(access_token_create(test->conn, &token, &second, &err), -EEXIST);
	assert_int_equal(access_token_revoke(test->conn, "bob", NULL), 1);
	assert_int_equal(access_token_revoke(test->conn, "bob", NULL), 0);
	assert_int_equal(find(test, first.text).role, ROLE_NONE);
	assert_int_equal(access_token_create(test->conn, &token, &second, NULL), 0);
	assert_int_equal(find(test, second.text).role, ROLE_VIEWER);
	assert_int_equal(db_script(test->conn,
	                           "UPDATE access_tokens SET expires_at = now() - interval '1 s'",
	                           NULL),
	                 0);
	assert_int_equal(find(test, second.text).role, ROLE_NONE);
	assert_int_equal(access_token_revoke(test->conn, second.id, NULL), 1);
}

static void refuses_senseless_ones(void **state)
{
	struct test *test = *state;
	static const struct access_token bad[] = {
	        {"", ROLE_VIEWER, "", "", 0},      {"a\nb", ROLE_VIEWER, "", "", 0},
	        {"a", ROLE_NONE, "", "", 0},       {"a", ROLE_VIEWER, "runner", "", 0},
	        {"a", ROLE_RUNNER, "a\tb", "", 0}, {"a", ROLE_VIEWER, "", "", -1},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct access_token_made made;
		struct error err = {0};

		assert_int_equal(access_token_create(test->conn, &bad[i], &made, &err), -EINVAL);
	}
}

static void lists_without_secrets(void **state)
{
	struct test *test = *state;
	AUTO(buf) struct buf out;

	buf_init(&out, 1 << 16);
	assert_int_equal(access_token_list(test->conn, &out, NULL), 0);
	assert_non_null(strstr(out.data, "revoked"));
	assert_null(strstr(out.data, "sha256"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_tokens_look_like_tokens),
	        cmocka_unit_test(tells_whose_a_token_is),
	        cmocka_unit_test(ends_with_its_time_or_by_a_word),
	        cmocka_unit_test(refuses_senseless_ones),
	        cmocka_unit_test(lists_without_secrets),
	};

	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, setup, teardown);
}
