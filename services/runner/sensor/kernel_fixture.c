// SPDX-License-Identifier: Apache-2.0
#include "kernel_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

enum { VALUE_MAX = 5000, DRAIN_MS = 10000 };

static const struct watched_path watched[] = {
        {"/etc/", false},      {"/etc/shadow", true},        {"/root/", false},
        {"/root/.ssh/", true}, {"/proc/self/environ", true}, {"/tmp/", false},
        {"/mnt/in/", false},   {"/mnt/in/secret", true},
};

bool kernel_fixture_supported(void)
{
	char root[SENSOR_CGROUP_PATH_MAX];
	struct error err;

	return geteuid() == 0 && sensor_cgroup_root(root, sizeof(root), &err) == 0;
}

static struct view keep(struct kernel_fixture *fixture, struct view text)
{
	return arena_copy(&fixture->arena, text);
}

static void on_event(void *ctx, struct sensor_run *run, const struct event *event)
{
	struct kernel_fixture *fixture = ctx;
	struct event *copy;

	(void)run;
	if (fixture->on_event) {
		fixture->on_event(fixture, event);
		return;
	}
	pthread_mutex_lock(&fixture->lock);
	if (fixture->event_count == KERNEL_FIXTURE_EVENTS_MAX)
		abort();
	copy = &fixture->events[fixture->event_count++];
	*copy = *event;
	copy->process.comm = keep(fixture, event->process.comm);
	copy->process.package = keep(fixture, event->process.package);
	switch (event->type) {
	case EVENT_FILE:
		copy->file.path = keep(fixture, event->file.path);
		break;
	case EVENT_EXEC:
		copy->exec.path = keep(fixture, event->exec.path);
		for (size_t i = 0; i < event->exec.argc; i++)
			copy->exec.argv[i] = keep(fixture, event->exec.argv[i]);
		break;
	case EVENT_CONNECT:
		copy->connect.interface = keep(fixture, event->connect.interface);
		copy->connect.name = keep(fixture, event->connect.name);
		break;
	case EVENT_DNS:
		copy->dns.name = keep(fixture, event->dns.name);
		copy->dns.answers = keep(fixture, event->dns.answers);
		copy->dns.query = keep(fixture, event->dns.query);
		break;
	case EVENT_TLS:
		copy->tls.sni = keep(fixture, event->tls.sni);
		copy->tls.raw = keep(fixture, event->tls.raw);
		copy->tls.tunnel = keep(fixture, event->tls.tunnel);
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&fixture->lock);
}

static void make_cgroups(struct kernel_fixture *fixture)
{
	char root[1024];
	struct error err;

	assert_int_equal(sensor_cgroup_root(root, sizeof(root), &err), 0);
	(void)snprintf(fixture->cgroup, sizeof(fixture->cgroup), "%s/fangs-sensor-test-%d", root,
	               getpid());
	(void)snprintf(fixture->container, sizeof(fixture->container),
	               "%s/fangs-sensor-test-%d/container", root, getpid());
	assert_int_equal(mkdir(fixture->cgroup, 0755), 0);
	assert_int_equal(mkdir(fixture->container, 0755), 0);
}

/* The verifier takes more than a second for each load: a program's tests with the same options
 * share one sensor, each with a run of its own. */
static struct {
	struct sensor *sensor;
	struct sensor_options options;
} shared;

static void close_shared(void)
{
	sensor_close(shared.sensor);
	shared.sensor = NULL;
}

static bool options_equal(const struct sensor_options *a, const struct sensor_options *b)
{
	return a->tier == b->tier && a->file_ring_bytes == b->file_ring_bytes &&
	       a->packet_ring_bytes == b->packet_ring_bytes &&
	       a->priority_ring_bytes == b->priority_ring_bytes &&
	       a->poll_interval_ms == b->poll_interval_ms;
}

static struct sensor *shared_sensor(const struct sensor_options *options)
{
	struct error err = {0};

	if (shared.sensor && options_equal(&shared.options, options))
		return shared.sensor;
	close_shared();
	shared.options = *options;
	shared.sensor = sensor_open(options, &err);
	if (!shared.sensor)
		fail_msg("%s", err.text);
	return shared.sensor;
}

void kernel_fixture_open(struct kernel_fixture *fixture, const struct sensor_options *options)
{
	struct sensor_run_options run = {
	        .watched_paths = watched,
	        .watched_path_count = sizeof(watched) / sizeof(*watched),
	        .command_actor = ACTOR_MANAGER,
	        .on_event = on_event,
	        .ctx = fixture,
	};
	struct error err = {0};

	*fixture = (struct kernel_fixture){0};
	pthread_mutex_init(&fixture->lock, NULL);
	arena_init(&fixture->arena);
	fixture->events = xcalloc(KERNEL_FIXTURE_EVENTS_MAX, sizeof(*fixture->events));
	make_cgroups(fixture);
	run.cgroup_path = fixture->cgroup;
	fixture->sensor = shared_sensor(options);
	fixture->run = sensor_add_run(fixture->sensor, &run, &err);
	if (!fixture->run)
		fail_msg("%s", err.text);
}

void kernel_fixture_close(struct kernel_fixture *fixture)
{
	sensor_remove_run(fixture->run);
	/* Each time: its thread must end before its libraries end themselves. */
	assert_int_equal(atexit(close_shared), 0);
	(void)rmdir(fixture->container);
	(void)rmdir(fixture->cgroup);
	arena_release(&fixture->arena);
	free(fixture->events);
	pthread_mutex_destroy(&fixture->lock);
}

int kernel_fixture_setup(void **state)
{
	static struct kernel_fixture fixture;
	const struct sensor_options options = {0};

	kernel_fixture_open(&fixture, &options);
	*state = &fixture;
	return 0;
}

int kernel_fixture_teardown(void **state)
{
	kernel_fixture_close(*state);
	return 0;
}

static void enter_container(const struct kernel_fixture *fixture)
{
	char path[SENSOR_CGROUP_PATH_MAX + 16];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", fixture->container);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(KERNEL_FIXTURE_SKIP);
	(void)close(fd);
}

int kernel_fixture_run(struct kernel_fixture *fixture, int (*act)(void *ctx), void *ctx)
{
	struct error err = {0};
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		enter_container(fixture);
		_exit(act(ctx));
	}
	fixture->last_pid = pid;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (sensor_drain(fixture->run, DRAIN_MS, &err) < 0)
		fail_msg("%s", err.text);
	return status;
}

/* What an event is looked up by. */
static void value_of(const struct event *event, char text[VALUE_MAX])
{
	char ip[EVENT_IP_TEXT_MAX];

	text[0] = '\0';
	switch (event->type) {
	case EVENT_FILE:
		(void)snprintf(text, VALUE_MAX, "%.*s", VIEW_ARG(event->file.path));
		break;
	case EVENT_EXEC:
		(void)snprintf(text, VALUE_MAX, "%.*s", VIEW_ARG(event->exec.path));
		break;
	case EVENT_CONNECT:
		event_format_ip(event->connect.family, event->connect.address, ip);
		if (event->connect.interface.size)
			(void)snprintf(text, VALUE_MAX, "%.*s", VIEW_ARG(event->connect.interface));
		else
			(void)snprintf(text, VALUE_MAX, "%s:%u", ip, event->connect.port);
		break;
	case EVENT_DNS:
		(void)snprintf(text, VALUE_MAX, "%.*s", VIEW_ARG(event->dns.name));
		break;
	case EVENT_TLS:
		(void)snprintf(text, VALUE_MAX, "%.*s", VIEW_ARG(event->tls.sni));
		break;
	default:
		break;
	}
}

const struct event *kernel_fixture_find(struct kernel_fixture *fixture, enum event_type type,
                                        const char *value, size_t *from)
{
	char text[VALUE_MAX];

	for (size_t i = *from; i < fixture->event_count; i++) {
		value_of(&fixture->events[i], text);
		if (fixture->events[i].type == type && strcmp(text, value) == 0) {
			*from = i + 1;
			return &fixture->events[i];
		}
	}
	return NULL;
}

bool kernel_fixture_traces_changes(const struct kernel_fixture *fixture)
{
	size_t count;
	const struct sensor_hook *hooks = sensor_hooks(fixture->sensor, &count);

	for (size_t i = 0; i < count; i++)
		if (hooks[i].active &&
		    (strstr(hooks[i].name, "ctime") || strstr(hooks[i].name, "fentry/")))
			return true;
	return false;
}

void kernel_fixture_print(const struct kernel_fixture *fixture)
{
	char text[VALUE_MAX];

	for (size_t i = 0; i < fixture->event_count; i++) {
		value_of(&fixture->events[i], text);
		print_message("  %s pid %u %.*s: '%s' %s %o\n",
		              event_type_name(fixture->events[i].type),
		              fixture->events[i].process.pid,
		              VIEW_ARG(fixture->events[i].process.comm), text,
		              fixture->events[i].type == EVENT_FILE
		                      ? file_operation_name(fixture->events[i].file.operation)
		                      : "",
		              fixture->events[i].type == EVENT_FILE
		                      ? (unsigned)fixture->events[i].file.flags
		                      : 0);
	}
}

const struct event *kernel_fixture_expect(struct kernel_fixture *fixture, enum event_type type,
                                          const char *value)
{
	size_t from = 0;
	const struct event *event = kernel_fixture_find(fixture, type, value, &from);

	if (!event) {
		kernel_fixture_print(fixture);
		fail_msg("no %s event '%s'", event_type_name(type), value);
	}
	return event;
}

void kernel_fixture_expect_none(struct kernel_fixture *fixture, enum event_type type,
                                const char *value)
{
	size_t from = 0;

	if (kernel_fixture_find(fixture, type, value, &from)) {
		kernel_fixture_print(fixture);
		fail_msg("unexpected %s event '%s'", event_type_name(type), value);
	}
}

static void expect_file(struct kernel_fixture *fixture, const struct file_expectation *expected)
{
	const struct event *event;
	size_t from = 0;

	while ((event = kernel_fixture_find(fixture, EVENT_FILE, expected->path, &from)))
		if (event->file.operation == expected->operation &&
		    event->file.flags == expected->flags)
			return;
	kernel_fixture_print(fixture);
	fail_msg("no %s of '%s' with flags %o", file_operation_name(expected->operation),
	         expected->path, (unsigned)expected->flags);
}

void kernel_fixture_expect_files(struct kernel_fixture *fixture,
                                 const struct file_expectation *expected, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_file(fixture, &expected[i]);
}
