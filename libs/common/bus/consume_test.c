// SPDX-License-Identifier: Apache-2.0
/*
 * The consume loop over the postgres driver, with a service that ends when the test has seen
 * enough. Needs PostgreSQL: FANGS_TEST_DB_URL.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cond.h"
#include "bus/bus_fixture.h"
#include "bus/consume.h"
#include "bus/offsets.h"
#include "db/db_fixture.h"

enum { PARTITION = 2, ORDER_MAX = 256 };

/* What the handler is to do, and what happened. */
struct service {
	const char *group;
	const char *trouble; /* this message is answered with `answer`, `times` times */
	enum handled answer;
	int times;
	bool overtaken; /* another replica moves the offset while the batch is handled */
	int until;      /* messages whose rows were committed */

	int committed, rolled_back, assigned, revoked, ticks, sleeps;
	char order[ORDER_MAX]; /* the last characters of the messages, as they were handled */
	int64_t deadline_ms;
};

static struct db_fixture *fixture;

/* Instead of libs/common/service: the loop needs no more of it. */

bool service_running(struct service *service)
{
	AUTO(free)
	char *sql = xasprintf("SELECT count(*) FROM rows WHERE consumer = '%s'", service->group);
	return db_fixture_number(fixture, sql) < service->until &&
	       cond_now_ms() < service->deadline_ms;
}

void service_tick(struct service *service)
{
	service->ticks++;
}

bool service_sleep_ms(struct service *service, int64_t ms)
{
	(void)ms;
	service->sleeps++;
	return true;
}

static const struct db_statement insert_row = {"test_row", "INSERT INTO rows VALUES ($1, $2)"};

static enum handled handle(void *ctx, struct db_conn *conn, const struct bus_message *message,
                           struct error *err)
{
	struct service *service = ctx;
	AUTO(free) char *value = view_dup(message->value);
	const struct db_param params[] = {DB_TEXT(service->group), DB_TEXT(value)};
	size_t used = strlen(service->order);
	(void)snprintf(service->order + used, ORDER_MAX - used, "%s", value + strlen(value) - 1);
	assert_int_equal(db_exec(conn, &insert_row, params, 2, err), 1);
	if (service->overtaken) {
		service->overtaken = false;
		AUTO(db_conn) struct db_conn *other = db_acquire(fixture->db, err);
		assert_int_equal(
		        offsets_advance(other, service->group, BUS_JOBS, PARTITION, 0, 2, err), 0);
	}
	if (service->times == 0 || strcmp(value, service->trouble) != 0)
		return HANDLED_DONE;
	service->times--;
	error_set_class(err, ERROR_RETRY, EBUSY, "as the test wants it");
	return service->answer;
}

static void on_committed(void *ctx)
{
	((struct service *)ctx)->committed++;
}

static void on_rolled_back(void *ctx)
{
	((struct service *)ctx)->rolled_back++;
}

static void on_assigned(void *ctx, int32_t partition)
{
	((struct service *)ctx)->assigned += partition == PARTITION;
}

static void on_revoked(void *ctx, int32_t partition)
{
	((struct service *)ctx)->revoked += partition == PARTITION;
}

/* Six jobs "0".."5" of one partition, consumed by a group of its own. */
static void run(struct service *service, int until)
{
	struct error err = {0};
	AUTO(free) char *prefix = xasprintf("%s.", service->group);
	struct bus *bus = bus_fixture_open(NULL, prefix, fixture->db);
	assert_int_equal(bus_create_topics(bus, &err), 0);
	for (const char *digit = "012345"; *digit; digit++) {
		const struct bus_record record = {
		        .topic = BUS_JOBS, .partition = PARTITION, .value = view_of(digit, 1)};
		assert_int_equal(bus_produce_sync(bus, &record, FIXTURE_TIMEOUT_MS, &err), 0);
	}
	service->until = until;
	service->deadline_ms = cond_now_ms() + FIXTURE_TIMEOUT_MS;
	const struct consume_options options = {.service = service,
	                                        .db = fixture->db,
	                                        .bus = bus,
	                                        .topic = BUS_JOBS,
	                                        .group = service->group,
	                                        .handle = handle,
	                                        .committed = on_committed,
	                                        .rolled_back = on_rolled_back,
	                                        .assigned = on_assigned,
	                                        .revoked = on_revoked,
	                                        .ctx = service};
	assert_int_equal(consume(&options, &err), 0);
	assert_int_equal(offsets_load(fixture->db, service->group, BUS_JOBS, PARTITION, &err), 6);
	assert_true(service->ticks > 0);
	bus_close(bus);
}

static int64_t rows_of(const char *group, const char *where)
{
	AUTO(free)
	char *sql =
	        xasprintf("SELECT count(*) FROM rows WHERE consumer = '%s' AND %s", group, where);
	return db_fixture_number(fixture, sql);
}

static void a_batch_is_one_transaction(void **state)
{
	(void)state;
	struct service service = {.group = "plain"};
	run(&service, 6);
	assert_string_equal(service.order, "012345");
	assert_int_equal(service.committed, 1);
	assert_int_equal(service.rolled_back, 0);
	assert_int_equal(service.assigned, 1);
	assert_int_equal(service.revoked, 1);
}

/* The three before the trouble are committed without waiting for it. */
static void retry_repeats_from_the_message_on(void **state)
{
	(void)state;
	struct service service = {
	        .group = "retry", .trouble = "3", .answer = HANDLED_RETRY, .times = 2};
	run(&service, 6);
	assert_string_equal(service.order, "0123"
	                                   "012"
	                                   "3"
	                                   "345");
	assert_int_equal(service.committed, 2);
	assert_int_equal(service.rolled_back, 2);
	assert_int_equal(rows_of("retry", "true"), 6);
}

static void dead_letters_leave_only_themselves(void **state)
{
	(void)state;
	struct service service = {
	        .group = "dead", .trouble = "3", .answer = HANDLED_DEAD_LETTER, .times = 1};
	run(&service, 5);
	assert_string_equal(service.order, "012345");
	assert_int_equal(rows_of("dead", "value = '3'"), 0);
	assert_int_equal(db_fixture_number(fixture,
	                                   "SELECT count(*) FROM dead_letters WHERE service = "
	                                   "'dead' AND topic = 'jobs' AND partition = 2 AND "
	                                   "log_offset = 3 AND value = '3' AND reason = 'as the "
	                                   "test wants it'"),
	                 1);
}

/* What the other replica did counts: we go on behind it. */
static void overtaken_batches_are_forgotten(void **state)
{
	(void)state;
	struct service service = {.group = "overtaken", .overtaken = true};
	run(&service, 4);
	assert_string_equal(service.order, "012345"
	                                   "2345");
	assert_int_equal(service.rolled_back, 1);
	assert_int_equal(service.assigned, 2);
	assert_int_equal(service.revoked, 2);
	assert_int_equal(rows_of("overtaken", "value IN ('0', '1')"), 0);
}

static int setup(void **state)
{
	(void)state;
	fixture = db_fixture_create(true);
	(void)db_fixture_number(fixture, "CREATE TABLE rows (consumer text, value text)");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	db_fixture_destroy(fixture);
	return 0;
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_batch_is_one_transaction),
	        cmocka_unit_test(retry_repeats_from_the_message_on),
	        cmocka_unit_test(dead_letters_leave_only_themselves),
	        cmocka_unit_test(overtaken_batches_are_forgotten),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
