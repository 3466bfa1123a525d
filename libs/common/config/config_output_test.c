// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "config/config_fixture.h"

DEFINE_AUTO(config, struct config *, config_destroy)

enum { OUTPUT_MAX = 32 * 1024 };

/* Runs the program with one flag and returns what it printed; the caller frees it. */
static char *output_of(const char *yaml, const char *flag)
{
	struct fixture_target target;
	struct error err = {0};
	enum config_action action = CONFIG_RUN;
	const char *const args[] = {flag, NULL};
	AUTO(fclose) FILE *file = tmpfile();
	assert_non_null(file);
	(void)fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	AUTO(config) struct config *config = fixture_load(&target, yaml, args, &action, &err);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	assert_non_null(config);
	assert_int_equal(action, CONFIG_EXIT);
	char *text = xcalloc(OUTPUT_MAX, 1);
	rewind(file);
	assert_true(fread(text, 1, OUTPUT_MAX - 1, file) > 0);
	return text;
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("not found:\n%s\nin:\n%s\n", part, text);
	assert_non_null(strstr(text, part));
}

static void help_lists_every_option(void **state)
{
	(void)state;
	AUTO(free) char *text = output_of(NULL, "-h");
	assert_contains(text, "fangs-watcher: asks for new releases\n\nUsage: ");
	assert_contains(text, "\n  --interval, --watcher-interval DURATION\n        How often.\n"
	                      "        default: 5m\n        environment: FANGS_INTERVAL\n");
	assert_contains(text, "broken into two lines when\n        it is shown to people.\n");
	assert_contains(text, "environment: FANGS_DB_URL, FANGS_PG_DSN\n");
	assert_contains(text, "\n  --bus-driver kafka|postgres\n");
	assert_contains(text, "\n  notifiers: (in the file only)\n");
	assert_contains(text, "\n  --help, -h\n");
	assert_contains(text, "\nExamples:\n  fangs-watcher --interval 1m\n");
}

static void help_works_with_a_broken_file(void **state)
{
	(void)state;
	AUTO(free) char *text = output_of("unknown: 1\n", "--help");
	assert_contains(text, "Usage: ");
}

static void markdown_is_a_table(void **state)
{
	(void)state;
	AUTO(free) char *text = output_of(NULL, "--help-markdown");
	assert_contains(text, "## fangs-watcher\n\nasks for new releases\n\n| Key | ");
	assert_contains(text, "\n| `bus.driver` | `--bus-driver` | `FANGS_BUS_DRIVER` | "
	                      "kafka\\|postgres | postgres | The bus. |\n");
	assert_contains(text, "\n| `notifiers` |  |  | YAML |  | Whom to tell. |\n");
	assert_contains(text, "\n|  | `--help`, `-h` |  | true\\|false |  | ");
}

static void version_is_short(void **state)
{
	(void)state;
	AUTO(free) char *text = output_of(NULL, "--version");
	assert_string_equal(text, "fangs-watcher " FANGS_VERSION "\n");
}

static void check_says_so(void **state)
{
	(void)state;
	AUTO(free) char *text = output_of("interval: 1s\n", "--check-config");
	assert_string_equal(text, "fangs-watcher: the configuration is valid\n");
}

static void printed_values_hide_secrets(void **state)
{
	(void)state;
	AUTO(free)
	char *text =
	        output_of("token: hush\ninterval: 90s\nnotifiers: {a: hush}\n", "--print-config");
	assert_null(strstr(text, "hush"));
	assert_null(strstr(text, ":secret@"));
	assert_contains(text,
	                "db.url: \"postgresql://fangs:[redacted]@localhost/fangs\" # default\n");
	assert_contains(text, "token: \"[redacted]\" # ");
	assert_contains(text, "interval: 90s # ");
	assert_contains(text, ".yaml:2: interval\n");
	assert_contains(text, "kafka.brokers: [\"a:9092\",\"b:9092\"] # default\n");
	assert_contains(text, "limit: 0 # default\nverbose: false # default\n");
}

static void passwords_are_found_in_every_form(void **state)
{
	(void)state;
	AUTO(free)
	char *words =
	        output_of("db: {url: \"host=db password='hu sh' user=x\"}\n", "--print-config");
	assert_contains(words, "db.url: \"host=db password=[redacted] user=x\" # ");
	AUTO(free)
	char *query = output_of("db: {url: \"postgresql://db/x?password=hush&sslmode=off\"}\n",
	                        "--print-config");
	assert_null(strstr(query, "hush"));
	assert_contains(query, "password=[redacted]");
}

static void printed_values_can_be_read_again(void **state)
{
	(void)state;
	AUTO(free) char *text = output_of("interval: 90s\nlimit: 4k\n", "--print-config");
	AUTO(free) char *again = output_of(text, "--print-config");
	assert_contains(again, "interval: 90s # ");
	assert_contains(again, "limit: 4k # ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(help_lists_every_option),
	        cmocka_unit_test(help_works_with_a_broken_file),
	        cmocka_unit_test(markdown_is_a_table),
	        cmocka_unit_test(version_is_short),
	        cmocka_unit_test(check_says_so),
	        cmocka_unit_test(printed_values_hide_secrets),
	        cmocka_unit_test(passwords_are_found_in_every_form),
	        cmocka_unit_test(printed_values_can_be_read_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
