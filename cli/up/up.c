// SPDX-License-Identifier: Apache-2.0
/*
 * `fangs up`: everything on one host. Reads the configuration, locks the data folder, starts a
 * private PostgreSQL cluster unless a database is named, supervises the six services, drains them
 * in order at Ctrl-C.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "command.h"
#include "config/config.h"
#include "log/log.h"
#include "up/cluster.h"
#include "up/files.h"
#include "up/state.h"
#include "up/supervisor.h"

enum {
	TURN_MS = 200,
	CLUSTER_RETRY_MS = 200,
	STOP_TIMEOUT_MS = 20000,
	RUNNER_STOP_TIMEOUT_MS = 90000
};

struct up_config {
	char *data_dir, *db_url, *pg_bin_dir, *listen, *bus_driver, *kafka_brokers, *topic_prefix;
	char *registry, *sandbox_registry, *runner_transport, *watcher_interval, *notifiers_file;
	int64_t db_port, slots;
};

#define UP_FIELD(name) offsetof(struct up_config, name)
static const struct config_option up_options[] = {
        {.key = "data_dir",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(data_dir),
         .help = "Folder of the private database. Default: /var/lib/fangs for root, "
                 "otherwise ~/.local/state/fangs."},
        {.key = "db.url",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(db_url),
         .alias_env = "FANGS_PG_DSN",
         .help = "An existing PostgreSQL database. Default: a private cluster in the data folder."},
        {.key = "db_port",
         .type = CONFIG_INT,
         .offset = UP_FIELD(db_port),
         .max = 65535,
         .help = "Port of the private cluster on 127.0.0.1; 0: the last one used, or any free "
                 "one."},
        {.key = "pg_bin_dir",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(pg_bin_dir),
         .help = "Folder of initdb and postgres. Default: the newest that is installed."},
        {.key = "listen",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(listen),
         .fallback = "127.0.0.1:8443",
         .help = "Address of the gateway and dashboard."},
        {.key = "slots",
         .type = CONFIG_INT,
         .offset = UP_FIELD(slots),
         .fallback = "2",
         .min = 1,
         .max = 256,
         .help = "Sandboxes at once on the one runner."},
        {.key = "bus.driver",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(bus_driver),
         .fallback = "postgres",
         .choices = "postgres|kafka",
         .help = "The bus between the services: tables of the database, or Kafka."},
        {.key = "kafka.brokers",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(kafka_brokers),
         .help = "host:port, comma-separated; for bus.driver kafka."},
        {.key = "bus.topic_prefix",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(topic_prefix),
         .help = "Text in front of the four topic names."},
        {.key = "runner_transport",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(runner_transport),
         .choices = "auto|http|kafka",
         .fallback = "auto",
         .help = "How the runner connects; auto: kafka on the kafka bus, otherwise http."},
        {.key = "registry",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(registry),
         .help = "npm registry that the watcher polls. Default: the public one."},
        {.key = "sandbox_registry",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(sandbox_registry),
         .help = "npm registry as seen from inside the sandbox. Default: what the image's npm "
                 "uses."},
        {.key = "watcher_interval",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(watcher_interval),
         .help = "Time between two polls of a package, as \"5m\"."},
        {.key = "notifiers_file",
         .type = CONFIG_STRING,
         .offset = UP_FIELD(notifiers_file),
         .help = "JSON file with notifiers to add or change at start."},
};

struct up {
	struct up_config config;
	const char *config_file; /* handed to the services; NULL: none */
	char *bin_dir;           /* where the services' programs are: beside this one */
	char *gateway_url, *slots;
	const char *database_url;
	int lock_fd;
	struct cluster *cluster;
	struct supervisor supervisor;
	char *programs[SUPERVISOR_CHILDREN_MAX];
};

/* The runner executes hostile code: it never learns how to reach the database. */
static const char *const runner_hidden_env[] = {"FANGS_DB_URL", "FANGS_PG_DSN", NULL};

/* $FANGS_DATA_DIR is read as the option's environment. */
static char *default_data_dir(void)
{
	const char *state_home = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	if (geteuid() == 0)
		return xstrdup("/var/lib/fangs");
	if (state_home && *state_home)
		return xasprintf("%s/fangs", state_home);
	return xasprintf("%s/.local/state/fangs", home ? home : "");
}

static char *own_bin_dir(void)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (size <= 0)
		return xstrdup("/usr/bin");
	path[size] = '\0';
	char *slash = strrchr(path, '/');
	*slash = '\0';
	return xstrdup(path);
}

static int lock_data_dir(struct up *up, struct error *err)
{
	const char *dir = up->config.data_dir;
	/* Others may pass through: the user that runs PostgreSQL must reach the cluster below. */
	int ret = directory_create(dir, 0711, err);
	if (ret < 0)
		return ret;
	AUTO(free) char *path = xasprintf("%s/lock", dir);
	up->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (up->lock_fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	if (flock(up->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return error_set_class(err, ERROR_FATAL, EBUSY,
		                       "another `fangs up` uses '%s': stop it, or choose another "
		                       "folder with --data-dir",
		                       dir);
	return 0;
}

static bool stop_requested(const sigset_t *signals, int64_t timeout_ms)
{
	struct timespec timeout = {.tv_sec = timeout_ms / MS_PER_S,
	                           .tv_nsec = timeout_ms % MS_PER_S * NS_PER_MS};
	int signal = sigtimedwait(signals, NULL, &timeout);
	return signal == SIGINT || signal == SIGTERM;
}

/* Starts the private cluster and waits until it answers; -ECANCELED when told to stop meanwhile. */
static int start_cluster(struct up *up, const sigset_t *signals, struct error *err)
{
	const struct cluster_options options = {.data_dir = up->config.data_dir,
	                                        .bin_dir = up->config.pg_bin_dir,
	                                        .port = up->config.db_port};
	up->cluster = cluster_prepare(&options, err);
	if (!up->cluster)
		return -err->code;
	up->database_url = cluster_url(up->cluster);
	cluster_supervise(up->cluster, &up->supervisor);
	for (;;) {
		struct error attempt = {0};
		supervisor_turn(&up->supervisor);
		if (cluster_ready(up->cluster, &attempt) == 0)
			return 0;
		if (attempt.class == ERROR_FATAL) {
			*err = attempt;
			return -err->code;
		}
		if (stop_requested(signals, CLUSTER_RETRY_MS))
			return error_set(err, ECANCELED, "stopped while PostgreSQL was starting");
		(void)supervisor_reap(&up->supervisor);
	}
}

static struct child *add_service(struct up *up, const char *name)
{
	size_t index = up->supervisor.count;
	up->programs[index] = xasprintf("%s/fangs-%s", up->bin_dir, name);
	struct child *child = supervisor_add(&up->supervisor, name, up->programs[index]);
	const char *const config_args[] = {"--config", up->config_file};
	if (up->config_file)
		child_add_args(child, config_args, 2);
	return child;
}

static void add_arg(struct child *child, const char *flag, const char *value)
{
	const char *const args[] = {flag, value};
	if (value && *value)
		child_add_args(child, args, 2);
}

static void add_services(struct up *up)
{
	const struct up_config *config = &up->config;
	const char *transport = config->runner_transport;
	if (strcmp(transport, "auto") == 0)
		transport = strcmp(config->bus_driver, "kafka") == 0 ? "kafka" : "http";
	add_arg(add_service(up, "api"), "--listen", config->listen);
	(void)add_service(up, "dispatcher");
	(void)add_service(up, "differ");
	add_arg(add_service(up, "notifier"), "--file", config->notifiers_file);
	struct child *watcher = add_service(up, "watcher");
	add_arg(watcher, "--registry", config->registry);
	add_arg(watcher, "--watcher-interval", config->watcher_interval);
	struct child *runner = add_service(up, "runner");
	runner->hidden_env = runner_hidden_env;
	add_arg(runner, "--gateway", up->gateway_url);
	add_arg(runner, "--transport", transport);
	up->slots = xasprintf("%lld", (long long)config->slots);
	add_arg(runner, "--slots", up->slots);
	add_arg(runner, "--npm-registry", config->sandbox_registry);
}

/* A half-installed FANGS is told apart from one that crashes. */
static int check_programs(const struct up *up, struct error *err)
{
	for (size_t i = 0; i < SUPERVISOR_CHILDREN_MAX; i++)
		if (up->programs[i] && access(up->programs[i], X_OK) != 0)
			return error_set_class(err, ERROR_FATAL, errno,
			                       "cannot run '%s': it must stand beside the program "
			                       "'fangs'",
			                       up->programs[i]);
	return 0;
}

/* Secrets and what every service shares travel by environment: arguments are visible to all. */
static void export_shared(const struct up *up)
{
	const struct {
		const char *name, *value;
	} shared[] = {
	        {"FANGS_DB_URL", up->database_url},
	        {"FANGS_BUS_DRIVER", up->config.bus_driver},
	        {"FANGS_KAFKA_BROKERS", up->config.kafka_brokers},
	        {"FANGS_BUS_TOPIC_PREFIX", up->config.topic_prefix},
	};
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (*shared[i].value)
			(void)setenv(shared[i].name, shared[i].value, 1);
}

static void save_state(const struct up *up)
{
	const struct up_state state = {.gateway_url = up->gateway_url,
	                               .database_url = up->database_url,
	                               .bus = up->config.bus_driver,
	                               .supervisor = &up->supervisor};
	struct error err = {0};
	if (up_state_write(&state, &err) < 0)
		LOG_WARN("cannot save the state for `fangs status`", LOG_ERR(&err));
}

static void supervise(struct up *up, const sigset_t *signals)
{
	supervisor_turn(&up->supervisor);
	save_state(up);
	LOG_INFO("everything is started; Ctrl-C drains and stops it",
	         LOG_STR("gateway_url", up->gateway_url), LOG_STR("data_dir", up->config.data_dir));
	while (!stop_requested(signals, TURN_MS)) {
		bool changed = supervisor_reap(&up->supervisor);
		size_t running = 0;
		for (size_t i = 0; i < up->supervisor.count; i++)
			running += up->supervisor.children[i].state == CHILD_RUNNING;
		supervisor_turn(&up->supervisor);
		if (changed || running != up->supervisor.count)
			save_state(up);
	}
}

/* Sources first, then the runner with its sandboxes, then who applies and answers, then the
 * database. */
static void drain(struct up *up)
{
	static const char *const order[] = {"watcher", "dispatcher", "runner",  "api",
	                                    "differ",  "notifier",   "postgres"};
	LOG_INFO("draining");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct child *child = supervisor_find(&up->supervisor, order[i]);
		bool is_runner = strcmp(order[i], "runner") == 0;
		if (child)
			supervisor_stop(&up->supervisor, child,
			                is_runner ? RUNNER_STOP_TIMEOUT_MS : STOP_TIMEOUT_MS);
	}
	up_state_remove(up->gateway_url);
}

/* "0.0.0.0:8443" is where it listens; people and the runner reach it by a loopback name. */
static char *gateway_url_of(const char *listen)
{
	const char *port = strrchr(listen, ':');
	bool any = strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0 ||
	           port == listen;
	if (any && port)
		return xasprintf("http://127.0.0.1%s", port);
	return xasprintf("http://%s", listen);
}

static int run(struct up *up, struct error *err)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	up->database_url = up->config.db_url;
	int ret = lock_data_dir(up, err);
	if (ret == 0 && !*up->config.db_url)
		ret = start_cluster(up, &signals, err);
	if (ret == 0) {
		add_services(up);
		ret = check_programs(up, err);
	}
	if (ret == 0) {
		export_shared(up);
		supervise(up, &signals);
	}
	drain(up);
	return ret == -ECANCELED ? 0 : ret;
}

/* The services read the same file; the flag is found here before the configuration is loaded. */
static const char *config_file_of(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--config=", 9) == 0)
			return argv[i] + 9;
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			return argv[i + 1];
	}
	return getenv("FANGS_CONFIG");
}

static void up_release(struct up *up)
{
	for (size_t i = 0; i < SUPERVISOR_CHILDREN_MAX; i++)
		free(up->programs[i]);
	cluster_destroy(up->cluster);
	free(up->bin_dir);
	free(up->gateway_url);
	free(up->slots);
	if (up->lock_fd >= 0)
		(void)close(up->lock_fd);
}

int up_main(int argc, char **argv)
{
	struct up up = {.lock_fd = -1};
	const struct config_table table = {up_options, CONFIG_COUNT(up_options), &up.config};
	const struct config_program program = {
	        .name = "fangs-up",
	        .section = "up",
	        .summary =
	                "Runs FANGS on this host: a private database, all six services, one log.",
	        .examples = "fangs up\nfangs up --db-url postgresql://fangs@db/fangs --slots 4\n",
	        .tables = &table,
	        .table_count = 1,
	        .ignores_unknown_keys = true,
	};
	enum config_action action = CONFIG_RUN;
	struct error err = {0};
	struct config *config = config_load(&program, argc, argv, &action, &err);
	if (!config || action == CONFIG_EXIT) {
		if (err.code)
			LOG_ERROR("bad configuration", LOG_ERR(&err));
		config_destroy(config);
		return err.code ? EXIT_CODE_USAGE : EXIT_CODE_OK;
	}
	char *default_dir = default_data_dir();
	if (!*up.config.data_dir)
		up.config.data_dir = default_dir;
	up.config_file = config_file_of(argc, argv);
	up.bin_dir = own_bin_dir();
	up.gateway_url = gateway_url_of(up.config.listen);
	int ret = run(&up, &err);
	if (ret < 0)
		LOG_ERROR("cannot start", LOG_ERR(&err));
	else
		LOG_INFO("stopped");
	up_release(&up);
	free(default_dir);
	config_destroy(config);
	return ret < 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
