// SPDX-License-Identifier: Apache-2.0
/* Verdicts, claims and attempts against a real PostgreSQL and a receiver on the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "db/db_fixture.h"
#include "delivering.h"
#include "http/http_server.h"
#include "model/messages.h"
#include "signature.h"
#include "targets_file.h"
#include "verdicts.h"

enum { TEXT_MAX = 1 << 16, CLAIM_MS = 30000, BODY_MAX = 1 << 20 };

#define RUN_ID "18ea7701069de90c0123456789abcdef"

/* A receiver that answers with `status` and keeps what it got. */
struct receiver {
	struct http_server *server;
	atomic_int status, requests;
	struct buf body;
	char id[64], timestamp[32], signature[SIGNATURE_TEXT_MAX], standard[SIGNATURE_TEXT_MAX],
	        agent[64];
};

struct world {
	struct db_fixture *f;
	struct receiver receiver;
	struct http_client *client;
	struct arena arena;
	char *url;
};

static const struct notifier_config config = {
        .attempts = 5,
        .backoff_ms = 1000,
        .backoff_max_ms = 60000,
        .timeout_ms = 5000,
        .parallel = 1,
};

static void keep_header(struct http_request *request, const char *name, char *out, size_t size)
{
	const char *value = http_request_header(request, name);
	(void)snprintf(out, size, "%s", value ? value : "");
}

static void receive(void *ctx, struct http_request *request)
{
	struct receiver *receiver = ctx;

	atomic_fetch_add(&receiver->requests, 1);
	buf_reset(&receiver->body);
	buf_append_view(&receiver->body, http_request_body(request));
	keep_header(request, "webhook-id", receiver->id, sizeof(receiver->id));
	keep_header(request, "webhook-timestamp", receiver->timestamp, sizeof(receiver->timestamp));
	keep_header(request, "X-FANGS-Signature", receiver->signature, sizeof(receiver->signature));
	keep_header(request, "webhook-signature", receiver->standard, sizeof(receiver->standard));
	keep_header(request, "User-Agent", receiver->agent, sizeof(receiver->agent));
	http_reply(request, atomic_load(&receiver->status), "text/plain",
	           VIEW_LITERAL("thank\0 you\xff"));
}

static void start_receiver(struct world *world)
{
	static const struct http_route routes[] = {{.method = "POST",
	                                            .pattern = "/hook",
	                                            .body_max_bytes = BODY_MAX,
	                                            .handler = receive}};
	const struct http_server_options options = {.listen = "127.0.0.1:0",
	                                            .routes = routes,
	                                            .route_count = 1,
	                                            .ctx = &world->receiver};
	struct error err = {0};

	buf_init(&world->receiver.body, BODY_MAX);
	atomic_store(&world->receiver.status, 200);
	world->receiver.server = http_server_start(&options, &err);
	assert_non_null(world->receiver.server);
	world->url =
	        xasprintf("http://127.0.0.1:%d/hook", http_server_port(world->receiver.server));
}

static int set_up(void **state)
{
	struct http_client_options options = {.user_agent = webhook_user_agent};
	struct world *world = xcalloc(1, sizeof(*world));
	struct error err = {0};

	world->f = db_fixture_create(true);
	world->client = http_client_create(&options, &err);
	arena_init(&world->arena);
	start_receiver(world);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	http_server_stop(world->receiver.server, 1000);
	http_server_destroy(world->receiver.server);
	buf_release(&world->receiver.body);
	http_client_destroy(world->client);
	arena_release(&world->arena);
	db_fixture_destroy(world->f);
	free(world->url);
	free(world);
	return 0;
}

static int64_t number(struct world *world, const char *sql)
{
	return db_fixture_number(world->f, sql);
}

static void add_target(struct world *world, const char *name, const char *fields,
                       const char *values)
{
	AUTO(free)
	char *sql =
	        xasprintf("INSERT INTO notifiers (name, url, created_at, updated_at, template%s)"
	                  " VALUES ('%s', '%s', now(), now(), %s)",
	                  fields, name, world->url, values);
	number(world, sql);
}

static void add_run(struct world *world)
{
	number(world, "INSERT INTO runs (id, package_name, version, state) VALUES ('" RUN_ID "',"
	              " 'p', '1.0.1', 'done')");
	number(world,
	       "INSERT INTO event_rows (id, run_id, ts_ns, type, data) VALUES (21, '" RUN_ID "',"
	       " 1, 'exec', 'null')");
	number(world, "INSERT INTO deviations (id, run_id, category, value, evidence_event_id,"
	              " severity, detected_at) VALUES ('d1', '" RUN_ID "', 'fs_new_path_read',"
	              " '/root/.ssh/id_rsa', 21, 'crit', now()), ('d2', '" RUN_ID "',"
	              " 'net_new_dns', 'evil.example', 21, 'warn', now())");
}

static enum handled handle(struct world *world, const char *json)
{
	struct bus_message message = {.topic = BUS_DEVIATIONS, .value = view_of_string(json)};
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(world->f->db, &err);

	assert_int_equal(db_begin(conn, &err), 0);
	enum handled handled = verdicts_handle(NULL, conn, &message, &err);
	assert_int_equal(db_commit(conn, &err), 0);
	return handled;
}

static enum handled handle_verdict(struct world *world, const char *verdict, const char *severity)
{
	struct verdict_message message = {
	        .run_id = RUN_ID,
	        .package = "p",
	        .version = "1.0.1",
	        .verdict = verdict,
	        .max_severity = severity,
	        .deviation_count = 2,
	        .complete = true,
	};
	AUTO(buf) struct buf json;

	buf_init(&json, TEXT_MAX);
	verdict_message_write(&json, &message);
	return handle(world, json.data);
}

/* What a sender does, as far as the claim. */
static bool claim(struct world *world, struct delivery *ret)
{
	struct error err = {0};
	AUTO(db_conn) struct db_conn *conn = db_acquire(world->f->db, &err);
	int rc = query_claim_delivery(conn, CLAIM_MS, &world->arena, ret, &err);

	if (rc < 0)
		fail_msg("%s", err.text);
	return rc > 0;
}

static struct webhook_outcome send_claimed(struct world *world, struct delivery *delivery)
{
	struct webhook_outcome outcome;
	struct error err = {0};

	if (deliver(world->f->db, &config, world->client, delivery, &world->arena, &outcome, &err))
		fail_msg("%s", err.text);
	return outcome;
}

static struct webhook_outcome send_next(struct world *world)
{
	struct delivery delivery;

	assert_true(claim(world, &delivery));
	return send_claimed(world, &delivery);
}

static void make_due(struct world *world)
{
	number(world, "UPDATE deliveries SET next_attempt_at = now()");
}

static void a_verdict_queues_matching_targets_once(void **state)
{
	struct world *world = *state;

	add_run(world);
	add_target(world, "all", "", "'generic'");
	add_target(world, "crit", ", min_severity", "'slack', 'critical'");
	add_target(world, "warn", ", min_severity", "'discord', 'warn'");
	add_target(world, "off", ", enabled", "'generic', false");
	assert_int_equal(handle_verdict(world, "deviates", "warn"), HANDLED_DONE);
	assert_int_equal(handle_verdict(world, "deviates", "warn"), HANDLED_DONE);
	assert_int_equal(number(world, "SELECT count(*) FROM deliveries WHERE status = 'queued'"
	                               " AND attempt = 0 AND notifier_name IN ('all', 'warn')"
	                               " AND webhook_id ~ '^msg_[0-9a-f]{32}$'"),
	                 2);
	assert_int_equal(number(world, "SELECT count(*) FROM deliveries"), 2);
}

static void other_messages_queue_nothing(void **state)
{
	static const char *const verdicts[] = {"seeded", "clean", "incomplete", "none"};
	struct world *world = *state;
	struct deviation_message deviation = {
	        .id = "d1",
	        .run_id = RUN_ID,
	        .package = "p",
	        .version = "1",
	        .category = "c",
	        .value = "v",
	        .severity = "crit",
	        .actor = "package",
	        .reason = "",
	        .process = "",
	};
	AUTO(buf) struct buf json;

	add_run(world);
	add_target(world, "all", "", "'generic'");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		assert_int_equal(handle_verdict(world, verdicts[i], "crit"), HANDLED_DONE);
	buf_init(&json, TEXT_MAX);
	deviation_message_write(&json, &deviation);
	assert_int_equal(handle(world, json.data), HANDLED_DONE);
	assert_int_equal(handle(world, "\xff not a message"), HANDLED_DEAD_LETTER);
	assert_int_equal(number(world, "SELECT count(*) FROM deliveries"), 0);
}

static void a_verdict_of_an_unknown_run_is_harmless(void **state)
{
	struct world *world = *state;

	add_target(world, "all", "", "'generic'");
	assert_int_equal(handle_verdict(world, "deviates", "crit"), HANDLED_DONE);
	assert_int_equal(number(world, "SELECT count(*) FROM deliveries"), 0);
}

static void a_sent_notification_is_recorded(void **state)
{
	struct world *world = *state;
	struct delivery delivery;

	assert_int_equal(setenv("FANGS_TEST_SECRET", "topsecret", 1), 0);
	add_run(world);
	add_target(world, "hook", ", secret_env, headers",
	           "'generic', 'FANGS_TEST_SECRET', '{\"user-agent\":\"mine\"}'");
	handle_verdict(world, "deviates", "crit");
	assert_int_equal(send_next(world).status, WEBHOOK_SENT);
	assert_false(claim(world, &delivery));

	assert_int_equal(atomic_load(&world->receiver.requests), 1);
	assert_non_null(strstr(world->receiver.body.data, "\"max_severity\":\"crit\""));
	assert_non_null(strstr(world->receiver.body.data, "\"deviation_count\":2"));
	char expected[SIGNATURE_TEXT_MAX];
	signature_of_body(VIEW_LITERAL("topsecret"), buf_view(&world->receiver.body), expected);
	assert_string_equal(world->receiver.signature, expected);
	signature_standard(VIEW_LITERAL("topsecret"), world->receiver.id,
	                   strtoll(world->receiver.timestamp, NULL, 10),
	                   buf_view(&world->receiver.body), expected);
	assert_string_equal(world->receiver.standard, expected);
	assert_string_equal(world->receiver.agent, "mine");
	assert_int_equal(number(world,
	                        "SELECT count(*) FROM notifications WHERE run_id = '" RUN_ID "'"
	                        " AND notifier_name = 'hook' AND attempt = 1 AND status = 'sent'"
	                        " AND response_code = 200 AND deviation_count = 2"
	                        " AND error_msg IS NULL AND next_attempt_at IS NULL"
	                        " AND response_body LIKE 'thank%you%'"
	                        " AND last_attempted_at = created_at AND id ~ '^[0-9a-f]{16}-1$'"),
	                 1);
	assert_int_equal(number(world, "SELECT count(*) FROM deviations"
	                               " WHERE notified_at IS NOT NULL"),
	                 2);
	assert_int_equal(number(world, "SELECT count(*) FROM deliveries WHERE status = 'sent'"
	                               " AND body IS NULL"),
	                 1);
}

static void failures_are_retried_with_the_same_body(void **state)
{
	struct world *world = *state;
	AUTO(buf) struct buf first_body;
	char first_id[64];
	struct delivery delivery;

	buf_init(&first_body, BODY_MAX);
	add_run(world);
	add_target(world, "hook", "", "'generic'");
	handle_verdict(world, "deviates", "crit");
	atomic_store(&world->receiver.status, 503);
	assert_int_equal(send_next(world).status, WEBHOOK_FAILED);
	buf_append_view(&first_body, buf_view(&world->receiver.body));
	(void)snprintf(first_id, sizeof(first_id), "%s", world->receiver.id);
	assert_false(claim(world, &delivery)); /* backing off */
	assert_int_equal(number(world, "SELECT count(*) FROM notifications n JOIN deliveries d"
	                               " USING (run_id, notifier_name, next_attempt_at)"
	                               " WHERE n.status = 'failed' AND n.response_code = 503"
	                               " AND n.next_attempt_at BETWEEN now() - interval '1 second'"
	                               " AND now() + interval '1250 milliseconds'"),
	                 1);

	number(world, "UPDATE runs SET is_baseline = true");
	for (int attempt = 2; attempt <= 5; attempt++) {
		make_due(world);
		assert_int_equal(send_next(world).status, WEBHOOK_FAILED);
		assert_string_equal(world->receiver.body.data, first_body.data);
		assert_string_equal(world->receiver.id, first_id);
	}
	make_due(world);
	assert_false(claim(world, &delivery));
	assert_int_equal(
	        number(world, "SELECT count(*) FROM notifications WHERE status = 'failed'"), 5);
	assert_int_equal(number(world, "SELECT attempt FROM notifications"
	                               " WHERE next_attempt_at IS NULL"),
	                 5);
	assert_int_equal(number(world, "SELECT count(*) FROM deliveries WHERE status = 'failed'"),
	                 1);
	assert_int_equal(number(world, "SELECT count(*) FROM deviations"
	                               " WHERE notified_at IS NOT NULL"),
	                 0);
}

static void refusals_are_permanent(void **state)
{
	static const struct {
		const char *name, *fields, *values;
		int status;
		const char *error;
	} cases[] = {
	        {"gone", "", "'generic'", 410, "the receiver answered 410"},
	        {"template", "", "'teams'", 200, "there is no template ''teams''"},
	};
	struct world *world = *state;

	add_run(world);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		add_target(world, cases[i].name, cases[i].fields, cases[i].values);
	handle_verdict(world, "deviates", "crit");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		atomic_store(&world->receiver.status, 410);
		assert_int_equal(send_next(world).status, WEBHOOK_PERMANENT);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(free)
		char *sql =
		        xasprintf("SELECT count(*) FROM notifications WHERE notifier_name = '%s'"
		                  " AND status = 'permanent' AND attempt = 1"
		                  " AND next_attempt_at IS NULL AND error_msg = '%s'",
		                  cases[i].name, cases[i].error);
		assert_int_equal(number(world, sql), 1);
	}
}

static void bad_urls_never_leave_the_machine(void **state)
{
	struct world *world = *state;

	add_run(world);
	add_target(world, "hook", "", "'generic'");
	number(world, "UPDATE notifiers SET url = 'http://198.51.100.1/secret'");
	handle_verdict(world, "deviates", "crit");
	assert_int_equal(send_next(world).status, WEBHOOK_PERMANENT);
	assert_int_equal(number(world, "SELECT count(*) FROM notifications"
	                               " WHERE error_msg LIKE '%plain http%'"
	                               " AND error_msg NOT LIKE '%secret%' AND response_code = 0"),
	                 1);
}

static void a_missing_secret_and_a_dead_receiver_are_retried(void **state)
{
	struct world *world = *state;

	add_run(world);
	add_target(world, "secret", ", secret_env", "'generic', 'FANGS_TEST_NO_SUCH_SECRET'");
	handle_verdict(world, "deviates", "crit");
	struct webhook_outcome outcome = send_next(world);
	assert_int_equal(outcome.status, WEBHOOK_FAILED);
	assert_non_null(strstr(outcome.error, "FANGS_TEST_NO_SUCH_SECRET"));
	assert_int_equal(atomic_load(&world->receiver.requests), 0);

	number(world, "UPDATE notifiers SET secret_env = NULL,"
	              " url = 'http://127.0.0.1:1/services/SECRET'");
	make_due(world);
	outcome = send_next(world);
	assert_int_equal(outcome.status, WEBHOOK_FAILED);
	assert_null(strstr(outcome.error, "SECRET"));
	assert_non_null(strstr(outcome.error, "cannot POST to the target: "));
}

/* The process dies between the POST and its record: another one sends again, with the same id. */
static void a_claim_outlives_its_owner_only_so_long(void **state)
{
	struct world *world = *state;
	struct delivery dead, next;

	add_run(world);
	add_target(world, "hook", "", "'generic'");
	handle_verdict(world, "deviates", "crit");
	assert_true(claim(world, &dead));
	assert_false(claim(world, &next));
	number(world, "UPDATE deliveries SET claimed_until = now()");
	assert_true(claim(world, &next));
	assert_string_equal(dead.webhook_id, next.webhook_id);
	assert_int_equal(next.attempt, 1);
	assert_int_equal(send_claimed(world, &next).status, WEBHOOK_SENT);

	/* It was not dead but slow: its outcome no longer counts. */
	atomic_store(&world->receiver.status, 500);
	send_claimed(world, &dead);
	assert_int_equal(number(world, "SELECT count(*) FROM notifications"), 1);
	assert_int_equal(number(world, "SELECT count(*) FROM deliveries WHERE status = 'sent'"), 1);
}

static void a_deleted_target_is_harmless(void **state)
{
	struct world *world = *state;
	struct delivery delivery;

	add_run(world);
	add_target(world, "hook", "", "'generic'");
	handle_verdict(world, "deviates", "crit");
	assert_true(claim(world, &delivery));
	number(world, "DELETE FROM notifiers");
	assert_int_equal(send_claimed(world, &delivery).status, WEBHOOK_SENT);
	assert_int_equal(number(world, "SELECT count(*) FROM notifications"), 0);
}

/* Someone promoted the run before the first attempt, which removes its deviations. */
static void nothing_is_sent_when_nothing_is_left_to_say(void **state)
{
	struct world *world = *state;

	add_run(world);
	add_target(world, "hook", "", "'generic'");
	handle_verdict(world, "deviates", "crit");
	number(world, "DELETE FROM deviations");
	assert_int_equal(send_next(world).status, WEBHOOK_PERMANENT);
	assert_int_equal(atomic_load(&world->receiver.requests), 0);
}

static void a_file_of_targets_is_applied_as_a_whole(void **state)
{
	char path[] = "/tmp/fangs-targets-XXXXXX";
	struct world *world = *state;
	struct error err = {0};
	int fd = mkstemp(path);
	static const char good[] =
	        "[{\"name\":\"hook\",\"url\":\"https://new.example/\",\"template\":\"slack\","
	        "\"headers\":{\"B\":\"2\",\"A\":\"1\"}}]";
	static const char bad[] =
	        "[{\"name\":\"x\",\"url\":\"https://x.example/\",\"template\":\"slack\"},{}]";

	add_target(world, "hook", ", min_severity, secret_env", "'generic', 'high', 'S'");
	number(world, "UPDATE notifiers SET created_at = now() - interval '1 day'");
	assert_int_equal(write(fd, good, sizeof(good) - 1), sizeof(good) - 1);
	assert_int_equal(targets_file_apply(world->f->db, path, &err), 0);
	assert_int_equal(number(world, "SELECT count(*) FROM notifiers"
	                               " WHERE url = 'https://new.example/' AND template = 'slack'"
	                               " AND headers = '{\"A\":\"1\",\"B\":\"2\"}' AND enabled"
	                               " AND min_severity IS NULL AND secret_env IS NULL"
	                               " AND created_at < now() - interval '23 hours'"
	                               " AND updated_at > now() - interval '1 hour'"),
	                 1);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, bad, sizeof(bad) - 1, 0), sizeof(bad) - 1);
	assert_true(targets_file_apply(world->f->db, path, &err) < 0);
	assert_int_equal(number(world, "SELECT count(*) FROM notifiers"), 1);
	(void)close(fd);
	(void)unlink(path);
	error_clear(&err);
	assert_true(targets_file_apply(world->f->db, path, &err) < 0);
	assert_int_equal(err.class, ERROR_FATAL);
	assert_non_null(strstr(err.text, path));
}

int main(void)
{
#define DB_TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	        DB_TEST(a_verdict_queues_matching_targets_once),
	        DB_TEST(other_messages_queue_nothing),
	        DB_TEST(a_verdict_of_an_unknown_run_is_harmless),
	        DB_TEST(a_sent_notification_is_recorded),
	        DB_TEST(failures_are_retried_with_the_same_body),
	        DB_TEST(refusals_are_permanent),
	        DB_TEST(bad_urls_never_leave_the_machine),
	        DB_TEST(a_missing_secret_and_a_dead_receiver_are_retried),
	        DB_TEST(a_claim_outlives_its_owner_only_so_long),
	        DB_TEST(a_deleted_target_is_harmless),
	        DB_TEST(nothing_is_sent_when_nothing_is_left_to_say),
	        DB_TEST(a_file_of_targets_is_applied_as_a_whole),
	};
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
