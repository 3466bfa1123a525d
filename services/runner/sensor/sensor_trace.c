// SPDX-License-Identifier: Apache-2.0
/*
 * For tests and measurements: runs a command under the sensor, in a cgroup of its own, and prints
 * what it did, one JSON object a line.
 *
 *	sensor_trace [-t TIER] [-o FILE] [-f FIRST PROGRAM] [-w PREFIX]... [-s SECRET PREFIX]...
 *		COMMAND [ARGUMENT]...
 *
 * {"type": "exec", "event": {...}} for each event, as in the table `events`; then one line with
 * {"stats": {...}, "processes": {...}, "status": what the command ended with}. With the command `-`
 * it only stays loaded until its standard input ends. Exit status 77: this host cannot run it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/event_wire.h"
#include "sensor.h"
#include "json/json_writer.h"

enum {
	EXIT_USAGE = 2,
	EXIT_SKIPPED = 77,
	EXIT_NOT_FOUND = 127,
	WATCHES_MAX = 64,
	DRAIN_MS = 60000,
	DIRECTORY_MODE = 0755,
	LINE_MAX_BYTES = 1 << 20,
};

struct trace {
	FILE *out;
	const char *tier, *first_program;
	struct watched_path watches[WATCHES_MAX];
	size_t watch_count;
	char cgroup[SENSOR_CGROUP_PATH_MAX];
	char container[SENSOR_CGROUP_PATH_MAX + 16]; /* below it, in the place of a container's */
	struct sensor *sensor;
	struct sensor_run *run;
};

static void put_line(FILE *out, const struct buf *line)
{
	struct view text = buf_view(line);
	(void)fprintf(out, "%.*s\n", VIEW_ARG(text));
}

static void on_event(void *ctx, struct sensor_run *run, const struct event *event)
{
	struct trace *trace = ctx;
	(void)run;
	AUTO(buf) struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "{\"type\":\"%s\",\"event\":", event_type_name(event->type));
	event_write_row_json(&line, event);
	buf_append_char(&line, '}');
	put_line(trace->out, &line);
}

static int make_cgroups(struct trace *trace, struct error *err)
{
	char root[SENSOR_CGROUP_PATH_MAX - 64];
	int r = sensor_cgroup_root(root, sizeof(root), err);
	if (r < 0)
		return r;
	(void)snprintf(trace->cgroup, sizeof(trace->cgroup), "%s/fangs-trace-%d", root,
	               (int)getpid());
	(void)snprintf(trace->container, sizeof(trace->container), "%s/container", trace->cgroup);
	if (mkdir(trace->cgroup, DIRECTORY_MODE) < 0 || mkdir(trace->container, DIRECTORY_MODE) < 0)
		return error_set_errno(err, errno, "cannot make cgroup '%s'", trace->container);
	return 0;
}

static int trace_open(struct trace *trace, struct error *err)
{
	const struct sensor_options options = {.tier = trace->tier};
	const struct sensor_run_options run = {
	        .cgroup_path = trace->cgroup,
	        .watched_paths = trace->watches,
	        .watched_path_count = trace->watch_count,
	        .command_actor = ACTOR_MANAGER,
	        .first_program = trace->first_program,
	        .on_event = on_event,
	        .ctx = trace,
	};
	int r = make_cgroups(trace, err);
	if (r < 0)
		return r;
	trace->sensor = sensor_open(&options, err);
	trace->run = trace->sensor ? sensor_add_run(trace->sensor, &run, err) : NULL;
	return trace->run ? 0 : -err->code;
}

static void trace_close(struct trace *trace)
{
	sensor_remove_run(trace->run);
	sensor_close(trace->sensor);
	(void)rmdir(trace->container);
	(void)rmdir(trace->cgroup);
}

static int write_file(const char *directory, const char *name, const char *text)
{
	char path[SENSOR_CGROUP_PATH_MAX + 64];
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
	if (fd >= 0)
		(void)close(fd);
	return written < 0 ? -errno : 0;
}

/* Returns what waitpid() says. Whatever the command leaves behind is ended. */
static int run_command(struct trace *trace, char **argv)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (write_file(trace->container, "cgroup.procs", "0") < 0)
			_exit(EXIT_SKIPPED);
		(void)execvp(argv[0], argv);
		_exit(EXIT_NOT_FOUND);
	}
	int status = -1;
	(void)waitpid(pid, &status, 0);
	return status;
}

static void print_end(struct trace *trace, int status)
{
	struct sensor_stats stats;
	struct sensor_processes processes;
	sensor_run_stats(trace->run, &stats);
	sensor_run_processes(trace->run, &processes);
	AUTO(buf) struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	struct json_writer w = json_writer_on(&line);
	json_object(&w);
	json_member_int(&w, "status", status);
	json_member_string(&w, "tier", sensor_tier(trace->sensor));
	json_member(&w, "lost");
	json_object(&w);
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		json_member_uint(&w, event_type_name((enum event_type)i), stats.lost[i]);
	json_end_object(&w);
	json_member_uint(&w, "lost_total", stats.lost_total);
	json_member_uint(&w, "missed", stats.missed);
	json_member_uint(&w, "malformed", stats.malformed);
	json_member_uint(&w, "exec_failed", stats.exec_failed);
	json_member_uint(&w, "unreadable", stats.unreadable);
	json_member_uint(&w, "unattributed", stats.unattributed);
	json_member_uint(&w, "started", processes.started);
	json_member_uint(&w, "alive", processes.alive);
	json_end_object(&w);
	put_line(trace->out, &line);
}

static int trace_run(struct trace *trace, char **argv, struct error *err)
{
	int r = trace_open(trace, err);
	if (r < 0)
		return r;
	if (strcmp(argv[0], "-") == 0) {
		(void)fprintf(trace->out, "{\"ready\":true}\n");
		(void)fflush(trace->out);
		while (getchar() != EOF)
			;
		return 0;
	}
	int status = run_command(trace, argv);
	r = sensor_drain(trace->run, DRAIN_MS, err);
	print_end(trace, status);
	(void)write_file(trace->cgroup, "cgroup.kill", "1");
	return r;
}

static int usage(void)
{
	(void)fputs("usage: sensor_trace [-t TIER] [-o FILE] [-f PROGRAM] [-w PREFIX]... [-s "
	            "PREFIX]... "
	            "COMMAND...\n",
	            stderr);
	return EXIT_USAGE;
}

static bool read_options(struct trace *trace, int argc, char **argv)
{
	int option;
	while ((option = getopt(argc, argv, "+t:o:f:w:s:")) != -1) {
		if (option == 't') {
			trace->tier = optarg;
		} else if (option == 'o') {
			trace->out = fopen(optarg, "we");
		} else if (option == 'f') {
			trace->first_program = optarg;
		} else if (option != '?' && trace->watch_count < WATCHES_MAX) {
			trace->watches[trace->watch_count++] =
			        (struct watched_path){optarg, option == 's'};
		} else {
			return false;
		}
	}
	return trace->out && optind < argc;
}

int main(int argc, char **argv)
{
	struct trace trace = {.out = stdout};
	if (!read_options(&trace, argc, argv))
		return usage();
	if (geteuid() != 0)
		return EXIT_SKIPPED;
	struct error err = {0};
	int r = trace_run(&trace, argv + optind, &err);
	if (r < 0)
		(void)fprintf(stderr, "sensor_trace: %s\n", err.text);
	trace_close(&trace);
	(void)fclose(trace.out);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
