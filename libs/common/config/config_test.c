// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/config_fixture.h"

DEFINE_AUTO(config, struct config *, config_destroy)

/* A configuration that lives as long as its scope, because the filled target points into it. */
#define LIVING(name) AUTO(config) __attribute__((unused)) struct config *name

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct config *load(struct fixture_target *target, const char *yaml, const char *const *args)
{
	struct error err = {0};
	enum config_action action = CONFIG_EXIT;
	struct config *config = fixture_load(target, yaml, args, &action, &err);
	if (!config)
		print_error("%s\n", err.text);
	assert_non_null(config);
	assert_int_equal(action, CONFIG_RUN);
	return config;
}

static void defaults_fill_everything(void **state)
{
	(void)state;
	struct fixture_target target;
	LIVING(config) = load(&target, NULL, NULL);
	assert_string_equal(target.url, "postgresql://fangs:secret@localhost/fangs");
	assert_string_equal(target.token, "");
	assert_int_equal(target.pool_size, 8);
	assert_int_equal(target.interval_ms, 300000);
	assert_int_equal(target.limit_bytes, 0);
	assert_false(target.verbose);
	assert_int_equal(target.brokers.count, 2);
	assert_string_equal(target.brokers.items[1], "b:9092");
	assert_null(target.notifiers);
}

static void sources_override_in_order(void **state)
{
	(void)state;
	struct fixture_target target;
	static const char yaml[] = "db: {pool_size: 2}\ninterval: 2s\nwatcher:\n  interval: 3s\n";
	LIVING(file) = load(&target, yaml, NULL);
	assert_int_equal(target.pool_size, 2);
	assert_int_equal(target.interval_ms, 3000);

	assert_int_equal(setenv("FANGS_INTERVAL", "4s", 1), 0);
	LIVING(env) = load(&target, yaml, NULL);
	assert_int_equal(target.interval_ms, 4000);
	assert_int_equal(setenv("FANGS_WATCHER_INTERVAL", "5s", 1), 0);
	LIVING(section) = load(&target, yaml, NULL);
	assert_int_equal(target.interval_ms, 5000);
	LIVING(flag) = load(&target, yaml, ARGS("--interval", "6s"));
	assert_int_equal(target.interval_ms, 6000);
	LIVING(alias) = load(&target, yaml, ARGS("-watcher-interval=7s"));
	assert_int_equal(target.interval_ms, 7000);

	assert_int_equal(setenv("FANGS_WATCHER_INTERVAL", "", 1), 0); /* empty: as if unset */
	LIVING(empty) = load(&target, yaml, NULL);
	assert_int_equal(target.interval_ms, 4000);
	assert_int_equal(unsetenv("FANGS_INTERVAL"), 0);
	assert_int_equal(unsetenv("FANGS_WATCHER_INTERVAL"), 0);
}

static void aliases_of_the_environment_count(void **state)
{
	(void)state;
	struct fixture_target target;
	assert_int_equal(setenv("FANGS_PG_DSN", "host=a", 1), 0);
	LIVING(alias) = load(&target, NULL, NULL);
	assert_string_equal(target.url, "host=a");
	assert_int_equal(setenv("FANGS_DB_URL", "host=b", 1), 0);
	LIVING(name) = load(&target, NULL, NULL);
	assert_string_equal(target.url, "host=b");
	assert_int_equal(unsetenv("FANGS_PG_DSN"), 0);
	assert_int_equal(unsetenv("FANGS_DB_URL"), 0);
}

static void values_of_all_types_are_read(void **state)
{
	(void)state;
	struct fixture_target target;
	LIVING(file) = load(&target,
	                    "kafka:\n  brokers: [x, ' y ']\n"
	                    "limit: 16M\nverbose: yes\ntoken: t\ndb.url: dotted\n",
	                    NULL);
	assert_int_equal(target.brokers.count, 2);
	assert_string_equal(target.brokers.items[1], "y");
	assert_int_equal(target.limit_bytes, 16 << 20);
	assert_true(target.verbose);
	assert_string_equal(target.token, "t");
	assert_string_equal(target.url, "dotted");

	LIVING(flags) = load(&target, "verbose: true\n",
	                     ARGS("--kafka-brokers", "x,,y,", "--limit=10", "--verbose=false",
	                          "--interval=1d", "--db-pool-size", "64", "--db-url="));
	assert_int_equal(target.brokers.count, 2);
	assert_int_equal(target.limit_bytes, 10);
	assert_false(target.verbose);
	assert_int_equal(target.interval_ms, 86400000);
	assert_int_equal(target.pool_size, 64);
	assert_string_equal(target.url, "");
	LIVING(bare) = load(&target, NULL, ARGS("--verbose"));
	assert_true(target.verbose);
}

static void null_means_not_given(void **state)
{
	(void)state;
	struct fixture_target target;
	LIVING(config) = load(&target, "interval:\nlimit: ~\ndb:\nwatcher: null\n", NULL);
	assert_int_equal(target.interval_ms, 300000);
	LIVING(empty) = load(&target, "# nothing\n", NULL);
	assert_int_equal(target.pool_size, 8);
}

static void other_services_sections_are_skipped(void **state)
{
	(void)state;
	struct fixture_target target;
	LIVING(config) =
	        load(&target,
	             "dispatcher: {lease: 30s}\nrunner: {slots: 4}\ndiffer:\nnotifier: {}\n"
	             "api: {listen: x}\ncli: {}\nup: {}\nmetrics: {listen: y}\ninterval: 9s\n",
	             NULL);
	assert_int_equal(target.interval_ms, 9000);
}

static void secrets_come_from_files(void **state)
{
	(void)state;
	struct fixture_target target;
	char path[] = "/tmp/fangs-secret-test-XXXXXX";
	AUTO(close) int fd = mkstemp(path);
	assert_int_equal(write(fd, "s3cret\n", 7), 7);
	char flag[64];
	(void)snprintf(flag, sizeof(flag), "--token=@%s", path);
	LIVING(config) = load(&target, NULL, ARGS(flag));
	assert_string_equal(target.token, "s3cret");
	assert_int_equal(unlink(path), 0);
}

static void subtrees_can_be_walked(void **state)
{
	(void)state;
	struct fixture_target target;
	LIVING(config) = load(&target, "\nnotifiers:\n  - {name: a, url: u}\n  - b\n", NULL);
	const struct config_node *list = target.notifiers;
	assert_int_equal(config_node_kind(list), CONFIG_NODE_LIST);
	assert_int_equal(config_node_count(list), 2);
	const struct config_node *map = config_node_at(list, 0);
	assert_int_equal(config_node_kind(map), CONFIG_NODE_MAP);
	assert_string_equal(config_node_key(map, 1), "url");
	assert_null(config_node_key(map, 2));
	assert_string_equal(config_node_text(config_node_get(map, "name")), "a");
	assert_null(config_node_get(map, "none"));
	assert_null(config_node_text(map));
	const struct config_node *scalar = config_node_at(list, 1);
	assert_string_equal(config_node_text(scalar), "b");
	assert_null(config_node_key(list, 0));
	assert_null(config_node_at(list, 2));
	struct error err = {0};
	assert_int_equal(config_node_error(scalar, &err, "no %s", "b"), -EINVAL);
	assert_non_null(strstr(err.text, ".yaml:4: no b"));
}

static void mistakes_in_files_name_the_place(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *message; /* behind "<file>:" */
	} cases[] = {
	        {"db:\n  url: x\n  pool_sise: 4\n",
	         "3: unknown key 'db.pool_sise' (did you mean 'db.pool_size'?)"},
	        {"dispatchr: {}\n", "1: unknown key 'dispatchr'"},
	        {"watcher: {intervall: 1s}\n",
	         "1: unknown key 'watcher.intervall' (did you mean 'interval'?)"},
	        {"db: {pool_size: many}\n", "1: db.pool_size: 'many' is not a whole number"},
	        {"db: {pool_size: 65}\n", "1: db.pool_size: 65 is out of range (1 to 64)"},
	        {"interval: 5\n", "1: interval: '5' is not a duration, as in 250ms, 30s, 5m, 24h"},
	        {"interval: 2d\n", "1: interval: 2d is out of range (1s to 1d)"},
	        {"limit: 1T\n", "1: limit: '1T' is not a size, as in 4096, 64k, 16M, 1G"},
	        {"verbose: maybe\n", "1: verbose: 'maybe' is neither true nor false"},
	        {"bus: {driver: nats}\n", "1: bus.driver: 'nats' is none of kafka|postgres"},
	        {"bus: {driver: [kafka]}\n", "1: bus.driver: a single value is expected"},
	        {"kafka: {brokers: {a: b}}\n", "1: kafka.brokers: a list is expected"},
	        {"kafka: {brokers: [[a]]}\n", "1: plain text is expected"},
	        {"db: x\n", "1: 'db' must be a map"},
	        {"- a\n", "1: a map of keys is expected"},
	        {"a: 1\na: 2\n", "2: 'a' appears twice"},
	        {"interval: 1s\nlimit: &x 1\ndb: *x\n", "3: aliases (*name) are not supported"},
	        {"interval: 1s\n---\na: b\n", "2: a second document; one is expected"},
	        {"db: [\n", "2: did not find expected node content"},
	        {"[a]: b\n", "1: a key must be plain text"},
	        {"help: true\n", "1: unknown key 'help'"},
	        {"limit: \"a\\0b\"\n", "1: a value holds a NUL byte"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture_target target;
		struct error err = {0};
		enum config_action action = CONFIG_RUN;
		assert_null(fixture_load(&target, cases[i].yaml, NULL, &action, &err));
		assert_int_equal(err.class, ERROR_DROP);
		char wanted[256];
		(void)snprintf(wanted, sizeof(wanted), "%s:%s", fixture_path(), cases[i].message);
		assert_string_equal(err.text, wanted);
	}
}

static void mistakes_in_flags_name_the_flag(void **state)
{
	(void)state;
	static const struct {
		const char *args[3];
		const char *message;
	} cases[] = {
	        {{"--intervall=1s"},
	         "unknown flag '--intervall' (did you mean '--interval'?); --help lists all"},
	        {{"--nothing-like-it"}, "unknown flag '--nothing-like-it'; --help lists all"},
	        {{"--interval"}, "flag '--interval' needs a value"},
	        {{"--interval", "x"},
	         "--interval: 'x' is not a duration, as in 250ms, 30s, 5m, 24h"},
	        {{"--db-pool-size=0"}, "--db-pool-size: 0 is out of range (1 to 64)"},
	        {{"--notifiers=x"}, "unknown flag '--notifiers'; --help lists all"},
	        {{"stray"}, "unexpected argument 'stray'"},
	        {{"--"}, "unexpected argument '--'"},
	        {{"--limit=9223372036854775807G"},
	         "--limit: '9223372036854775807G' is not a size, as in 4096, 64k, 16M, 1G"},
	        {{"--token=@/nonexistent"},
	         "--token: cannot open '/nonexistent': No such file or directory"},
	        {{"--config=/nonexistent"},
	         "configuration file: cannot open '/nonexistent': No such file or directory"},
	        {{"--log-level=loud"}, "--log-level: 'loud' is none of debug|info|warn|error"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture_target target;
		struct error err = {0};
		enum config_action action = CONFIG_RUN;
		assert_null(fixture_load(&target, NULL, cases[i].args, &action, &err));
		assert_string_equal(err.text, cases[i].message);
	}
}

static void mistakes_in_the_environment_name_the_variable(void **state)
{
	(void)state;
	struct fixture_target target;
	struct error err = {0};
	enum config_action action = CONFIG_RUN;
	assert_int_equal(setenv("FANGS_LIMIT", "x", 1), 0);
	assert_null(fixture_load(&target, NULL, NULL, &action, &err));
	assert_string_equal(err.text, "FANGS_LIMIT: 'x' is not a size, as in 4096, 64k, 16M, 1G");
	assert_int_equal(unsetenv("FANGS_LIMIT"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(defaults_fill_everything),
	        cmocka_unit_test(sources_override_in_order),
	        cmocka_unit_test(aliases_of_the_environment_count),
	        cmocka_unit_test(values_of_all_types_are_read),
	        cmocka_unit_test(null_means_not_given),
	        cmocka_unit_test(other_services_sections_are_skipped),
	        cmocka_unit_test(secrets_come_from_files),
	        cmocka_unit_test(subtrees_can_be_walked),
	        cmocka_unit_test(mistakes_in_files_name_the_place),
	        cmocka_unit_test(mistakes_in_flags_name_the_flag),
	        cmocka_unit_test(mistakes_in_the_environment_name_the_variable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
