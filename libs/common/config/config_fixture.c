// SPDX-License-Identifier: Apache-2.0
#include "config/config_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static const struct config_option options[] = {
        {.key = "db.url",
         .type = CONFIG_STRING,
         .offset = offsetof(struct fixture_target, url),
         .fallback = "postgresql://fangs:secret@localhost/fangs",
         .help = "The database; a help text that is long enough to be broken into two lines when "
                 "it is shown to people.",
         .alias_env = "FANGS_PG_DSN"},
        {.key = "db.pool_size",
         .type = CONFIG_INT,
         .offset = offsetof(struct fixture_target, pool_size),
         .fallback = "8",
         .min = 1,
         .max = 64,
         .help = "Connections."},
        {.key = "bus.driver",
         .type = CONFIG_STRING,
         .offset = offsetof(struct fixture_target, driver),
         .fallback = "postgres",
         .choices = "kafka|postgres",
         .help = "The bus."},
        {.key = "kafka.brokers",
         .type = CONFIG_LIST,
         .offset = offsetof(struct fixture_target, brokers),
         .fallback = "a:9092, b:9092",
         .help = "Where to start."},
        {.key = "interval",
         .type = CONFIG_DURATION_MS,
         .offset = offsetof(struct fixture_target, interval_ms),
         .fallback = "5m",
         .min = 1000,
         .max = INT64_C(86400000),
         .help = "How often.",
         .alias_flag = "watcher-interval"},
        {.key = "limit",
         .type = CONFIG_SIZE,
         .offset = offsetof(struct fixture_target, limit_bytes),
         .help = "How much."},
        {.key = "verbose",
         .type = CONFIG_BOOL,
         .offset = offsetof(struct fixture_target, verbose),
         .help = "Say more."},
        {.key = "token",
         .type = CONFIG_SECRET,
         .offset = offsetof(struct fixture_target, token),
         .help = "Who asks."},
        {.key = "notifiers",
         .type = CONFIG_NODE,
         .offset = offsetof(struct fixture_target, notifiers),
         .help = "Whom to tell."},
};

static char path[64];

const char *fixture_path(void)
{
	return path;
}

static void write_file(const char *yaml)
{
	(void)snprintf(path, sizeof(path), "/tmp/fangs-config-test-%d.yaml", (int)getpid());
	AUTO(fclose) FILE *file = fopen(path, "we");
	if (!file || fputs(yaml, file) < 0)
		abort();
}

struct config *fixture_load(struct fixture_target *target, const char *yaml,
                            const char *const *args, enum config_action *ret_action,
                            struct error *err)
{
	const struct config_table table = {options, CONFIG_COUNT(options), target};
	const struct config_program program = {
	        .name = "fangs-watcher",
	        .section = "watcher",
	        .summary = "asks for new releases",
	        .examples = "  fangs-watcher --interval 1m\n",
	        .tables = &table,
	        .table_count = 1,
	};
	char *argv[FIXTURE_ARGS_MAX + 3] = {(char *)"fangs-watcher"};
	int argc = 1;
	AUTO(free) char *file_flag = NULL;
	if (yaml) {
		write_file(yaml);
		file_flag = xasprintf("--config=%s", path);
		argv[argc++] = file_flag;
	}
	for (size_t i = 0; args && args[i] && i < FIXTURE_ARGS_MAX; i++)
		argv[argc++] = (char *)args[i];
	struct config *config = config_load(&program, argc, argv, ret_action, err);
	if (yaml)
		(void)unlink(path);
	return config;
}
