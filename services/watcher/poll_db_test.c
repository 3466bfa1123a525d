// SPDX-License-Identifier: Apache-2.0
/* Claims and outcomes of polls against a real PostgreSQL. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "db/db_fixture.h"
#include "poll.h"
#include "queries.h"

enum { PACKAGES = 100, WATCHERS = 4, CLAIM_MS = 60000 };

static const struct poll_options options = {.interval_ms = 300000, .backoff_max_ms = 3600000};

static int set_up(void **state)
{
	*state = db_fixture_create(true);
	return 0;
}

static int tear_down(void **state)
{
	db_fixture_destroy(*state);
	return 0;
}

static void add_package(struct db_fixture *f, const char *name)
{
	AUTO(free)
	char *sql = xasprintf("INSERT INTO packages (name, added_at) VALUES ('%s',"
	                      " now() - interval '1 hour')",
	                      name);
	db_fixture_number(f, sql);
}

static void adopt(struct db_fixture *f)
{
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(f->db, &err);
	assert_int_equal(query_adopt_packages(conn, &err), 0);
}

static int claim(struct db_fixture *f, struct arena *arena, struct claim *ret)
{
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(f->db, &err);
	int rc = conn ? query_claim(conn, CLAIM_MS, arena, ret, &err) : -err.code;
	if (rc < 0)
		fail_msg("%s", err.text);
	return rc;
}

static const struct registry_answer version_1 = {
        .packument = {.state = PACKUMENT_LIVE,
                      .latest = "1.0.0",
                      .tarball_url = "https://r/p.tgz",
                      .shasum = "0123456789abcdef0123456789abcdef01234567",
                      .integrity = "sha512-x",
                      .published_at_ns = INT64_MIN},
        .etag = "\"e1\"",
};

static int record(struct db_fixture *f, const struct claim *c, enum registry_outcome outcome,
                  const struct registry_answer *answer, struct arena *arena)
{
	struct error err = {0}, poll_err = {0};
	error_set(&poll_err, EIO, "the registry answered 500");
	int rc = poll_record_outcome(f->db, &options, c, outcome, answer, &poll_err, arena, &err);
	if (rc < 0)
		fail_msg("%s", err.text);
	return rc;
}

struct race {
	struct db_fixture *f;
	atomic_int claimed;
};

static void *claim_all(void *arg)
{
	struct race *race = arg;
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	while (claim(race->f, &arena, &c) > 0)
		atomic_fetch_add(&race->claimed, 1);
	arena_release(&arena);
	return NULL;
}

static void watchers_share_the_packages(void **state)
{
	struct race race = {.f = *state};
	pthread_t threads[WATCHERS];

	for (int i = 0; i < PACKAGES; i++) {
		AUTO(free) char *name = xasprintf("p%d", i);
		add_package(race.f, name);
	}
	adopt(race.f);
	for (int i = 0; i < WATCHERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, claim_all, &race), 0);
	for (int i = 0; i < WATCHERS; i++)
		pthread_join(threads[i], NULL);
	/* SKIP LOCKED may let a thread see nothing due a moment too early, never twice the same. */
	assert_true(atomic_load(&race.claimed) <= PACKAGES);
	claim_all(&race);
	assert_int_equal(atomic_load(&race.claimed), PACKAGES);
}

static void a_fresh_package_has_a_moment_of_grace(void **state)
{
	struct db_fixture *f = *state;
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	db_fixture_number(f, "INSERT INTO packages (name, added_at) VALUES ('p', now())");
	adopt(f);
	assert_int_equal(claim(f, &arena, &c), 0);
	assert_int_equal(db_fixture_number(f,
	                                   "SELECT count(*) FROM package_polls WHERE next_poll_at"
	                                   " BETWEEN now() AND now() + interval '1 second'"),
	                 1);
	arena_release(&arena);
}

static void a_release_is_recorded_once(void **state)
{
	struct db_fixture *f = *state;
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	add_package(f, "p");
	adopt(f);
	assert_int_equal(claim(f, &arena, &c), 1);
	assert_true(c.never_seen);
	assert_string_equal(c.etag, "");
	assert_int_equal(record(f, &c, REGISTRY_CHANGED, &version_1, &arena), POLL_RELEASE_FOUND);
	/* The same again, as after a crash behind the commit. */
	assert_int_equal(record(f, &c, REGISTRY_CHANGED, &version_1, &arena), 0);

	assert_int_equal(
	        db_fixture_number(f, "SELECT count(*) FROM packages WHERE last_seen_version ="
	                             " '1.0.0' AND last_checked_at > now() - interval '1 minute'"),
	        1);
	assert_int_equal(db_fixture_number(f,
	                                   "SELECT count(*) FROM releases WHERE version = '1.0.0'"
	                                   " AND tarball_sha256 = shasum AND length(shasum) = 40"
	                                   " AND npm_integrity = 'sha512-x'"
	                                   " AND tarball_url = 'https://r/p.tgz'"
	                                   " AND published_at = '0001-01-01 00:00:00+00'"),
	                 1);
	assert_int_equal(
	        db_fixture_number(f,
	                          "SELECT count(*) FROM outbox WHERE topic = 'releases'"
	                          " AND convert_from(key, 'UTF8') = 'p'"
	                          " AND convert_from(value, 'UTF8')::jsonb->>'version' = '1.0.0'"),
	        1);
	assert_int_equal(
	        db_fixture_number(f, "SELECT count(*) FROM package_polls WHERE etag = '\"e1\"'"
	                             " AND failures = 0 AND next_poll_at > now()"
	                             " + interval '4 minutes'"),
	        1);
	arena_release(&arena);
}

static void a_version_that_comes_back_is_announced_again(void **state)
{
	struct db_fixture *f = *state;
	struct registry_answer version_2 = version_1;
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	version_2.packument.latest = "1.0.1";
	add_package(f, "p");
	adopt(f);
	assert_int_equal(claim(f, &arena, &c), 1);
	assert_int_equal(record(f, &c, REGISTRY_CHANGED, &version_1, &arena), POLL_RELEASE_FOUND);
	assert_int_equal(record(f, &c, REGISTRY_CHANGED, &version_2, &arena), POLL_RELEASE_FOUND);
	assert_int_equal(record(f, &c, REGISTRY_CHANGED, &version_1, &arena), POLL_RELEASE_FOUND);
	assert_int_equal(db_fixture_number(f, "SELECT count(*) FROM releases"), 2);
	assert_int_equal(db_fixture_number(f, "SELECT count(*) FROM outbox"), 3);
	arena_release(&arena);
}

static void errors_change_nothing_in_packages(void **state)
{
	struct db_fixture *f = *state;
	struct registry_answer none = {.etag = "", .retry_after_ms = 1200000};
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	add_package(f, "p");
	adopt(f);
	assert_int_equal(claim(f, &arena, &c), 1);
	assert_int_equal(record(f, &c, REGISTRY_FAILED, &none, &arena), 0);
	assert_int_equal(record(f, &c, REGISTRY_THROTTLED, &none, &arena), 0);
	assert_int_equal(
	        db_fixture_number(f, "SELECT count(*) FROM packages WHERE last_seen_version IS NULL"
	                             " AND last_checked_at IS NULL"),
	        1);
	assert_int_equal(db_fixture_number(f,
	                                   "SELECT count(*) FROM package_polls WHERE failures = 1"
	                                   " AND last_error = 'the registry answered 500'"
	                                   " AND registry_state = ''"
	                                   " AND next_poll_at > now() + interval '19 minutes'"),
	                 1);
	assert_int_equal(record(f, &c, REGISTRY_NOT_FOUND, &none, &arena), 0);
	assert_int_equal(db_fixture_number(f, "SELECT count(*) FROM package_polls"
	                                      " WHERE registry_state = 'not_found'"),
	                 1);
	assert_int_equal(db_fixture_number(f, "SELECT count(*) FROM outbox"), 0);
	arena_release(&arena);
}

static void held_and_unpublished_packages_are_a_state(void **state)
{
	static const struct {
		enum packument_state state;
		const char *name;
	} cases[] = {{PACKUMENT_SECURITY_HELD, "security_held"},
	             {PACKUMENT_UNPUBLISHED, "unpublished"}};
	struct db_fixture *f = *state;
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	add_package(f, "p");
	adopt(f);
	assert_int_equal(claim(f, &arena, &c), 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registry_answer answer = {.packument = {.state = cases[i].state},
		                                 .etag = ""};
		assert_int_equal(record(f, &c, REGISTRY_CHANGED, &answer, &arena), 0);
		AUTO(free)
		char *sql = xasprintf("SELECT count(*) FROM package_polls q JOIN packages p"
		                      " ON p.name = q.package_name WHERE registry_state = '%s'"
		                      " AND failures = 0 AND last_seen_version IS NULL"
		                      " AND last_checked_at IS NOT NULL",
		                      cases[i].name);
		assert_int_equal(db_fixture_number(f, sql), 1);
	}
	assert_int_equal(db_fixture_number(f, "SELECT count(*) FROM outbox"), 0);
	arena_release(&arena);
}

static void an_unchanged_package_keeps_its_etag(void **state)
{
	struct db_fixture *f = *state;
	struct registry_answer unchanged = {.etag = ""};
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	add_package(f, "p");
	adopt(f);
	assert_int_equal(claim(f, &arena, &c), 1);
	record(f, &c, REGISTRY_CHANGED, &version_1, &arena);
	db_fixture_number(f, "UPDATE package_polls SET next_poll_at = now()");
	db_fixture_number(f, "UPDATE packages SET last_checked_at = NULL");
	assert_int_equal(claim(f, &arena, &c), 1);
	assert_false(c.never_seen);
	assert_string_equal(c.etag, "\"e1\"");
	assert_int_equal(record(f, &c, REGISTRY_UNCHANGED, &unchanged, &arena), 0);
	assert_int_equal(db_fixture_number(f, "SELECT count(*) FROM package_polls q, packages p"
	                                      " WHERE etag = '\"e1\"'"
	                                      " AND last_checked_at IS NOT NULL"),
	                 1);
	arena_release(&arena);
}

static void a_package_removed_meanwhile_leaves_nothing_behind(void **state)
{
	struct db_fixture *f = *state;
	struct registry_answer none = {.etag = ""};
	struct claim c = {0};
	struct arena arena;

	arena_init(&arena);
	add_package(f, "p");
	adopt(f);
	assert_int_equal(claim(f, &arena, &c), 1);
	db_fixture_number(f, "DELETE FROM packages");
	assert_int_equal(record(f, &c, REGISTRY_CHANGED, &version_1, &arena), 0);
	assert_int_equal(record(f, &c, REGISTRY_FAILED, &none, &arena), 0);
	assert_int_equal(db_fixture_number(f, "SELECT (SELECT count(*) FROM outbox)"
	                                      " + (SELECT count(*) FROM releases)"
	                                      " + (SELECT count(*) FROM package_polls)"),
	                 0);
	arena_release(&arena);
}

int main(void)
{
#define DB_TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	        DB_TEST(watchers_share_the_packages),
	        DB_TEST(a_fresh_package_has_a_moment_of_grace),
	        DB_TEST(a_release_is_recorded_once),
	        DB_TEST(a_version_that_comes_back_is_announced_again),
	        DB_TEST(errors_change_nothing_in_packages),
	        DB_TEST(held_and_unpublished_packages_are_a_state),
	        DB_TEST(an_unchanged_package_keeps_its_etag),
	        DB_TEST(a_package_removed_meanwhile_leaves_nothing_behind),
	};
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
