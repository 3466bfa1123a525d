// SPDX-License-Identifier: Apache-2.0
/*
 *	evasion DIRECTORY [TECHNIQUE]...
 *
 * Performs all techniques, or those named, with markers below DIRECTORY, and prints one JSON object
 * a line: {"technique", "marker", "value", "worked", "error"}.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evasion.h"

enum {
	FIRST_PORT = 21000,
	LIMIT_S = 20,
	DIRECTORY_MODE = 0755,
	FILE_MODE = 0644,
	LINE_SIZE = 1024
};

static const char *const marker_names[MARKER_COUNT] = {
        [MARKER_READ] = "read",
        [MARKER_CHANGE] = "change",
        [MARKER_PROBE] = "probe",
        [MARKER_EXEC] = "exec",
        [MARKER_EXEC_FAILED] = "exec_failed",
        [MARKER_ARGUMENT] = "argument",
        [MARKER_CONNECT] = "connect",
        [MARKER_DNS] = "dns",
        [MARKER_DNS_BROKEN] = "dns_broken",
        [MARKER_TLS] = "tls",
        [MARKER_TLS_UNNAMED] = "tls_unnamed",
        [MARKER_TLS_BROKEN] = "tls_broken",
        [MARKER_INTERFACE] = "interface",
};

static const struct technique_list *const lists[] = {
        &file_techniques,   &ring_techniques, &process_techniques,
        &change_techniques, &exec_techniques, &network_techniques,
        &name_techniques,   &swap_techniques, &tls_techniques,
};

static void name_marker(struct attempt *attempt, enum marker marker)
{
	switch (marker) {
	case MARKER_CONNECT:
		(void)snprintf(attempt->value, sizeof(attempt->value), "127.0.0.1:%u",
		               attempt->port);
		break;
	case MARKER_DNS:
	case MARKER_TLS:
		set_value(attempt, attempt->host);
		break;
	case MARKER_ARGUMENT:
	case MARKER_DNS_BROKEN:
	case MARKER_TLS_UNNAMED:
	case MARKER_TLS_BROKEN:
	case MARKER_INTERFACE:
		set_value(attempt, attempt->id);
		break;
	default:
		set_value(attempt, attempt->path);
	}
}

static void prepare(struct attempt *attempt, const struct technique *technique, uint16_t port)
{
	(void)snprintf(attempt->id, sizeof(attempt->id), "%s", technique->id);
	(void)snprintf(attempt->path, sizeof(attempt->path), "%s/%s", attempt->directory,
	               technique->id);
	(void)snprintf(attempt->spare, sizeof(attempt->spare), "%s.d/%s", attempt->directory,
	               technique->id);
	(void)snprintf(attempt->host, sizeof(attempt->host), "%s.evasion.test", technique->id);
	for (char *c = attempt->host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 'a' - 'A');
	attempt->port = port;
	name_marker(attempt, technique->marker);
}

static int put_marker(void *ctx)
{
	const struct attempt *attempt = ctx;
	char content[EVASION_TEXT_MAX];
	as_preparer();
	(void)snprintf(content, sizeof(content), "secret of %s\n", attempt->id);
	return put_file(attempt->path, content, strlen(content), FILE_MODE);
}

/* A file that tells which process the technique's is: packets do not carry its name. */
static void leave_name(const struct attempt *attempt)
{
	char path[EVASION_TEXT_MAX];
	(void)snprintf(path, sizeof(path), "%s.name/%s", attempt->directory, attempt->id);
	(void)put_file(path, "", 0, FILE_MODE);
}

/* Returns what the technique returned, in a process of its own, of limited time. */
static int perform(const struct technique *technique, struct attempt *attempt)
{
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_NAME, attempt->id);
		(void)alarm(LIMIT_S);
		leave_name(attempt);
		_exit(-technique->act(attempt) & 0xff);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* Printed, and told by way of the sensor itself: as the argument of a program that does nothing. So
 * it gets out of any sandbox. */
static void report(char *line)
{
	(void)puts(line);
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		as_preparer();
		char *const argv[] = {"evasion", "--quiet", line, NULL};
		char *const environment[] = {NULL};
		(void)execve("/proc/self/exe", argv, environment);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
}

static void try_technique(const struct technique *technique, struct attempt *attempt, uint16_t port)
{
	prepare(attempt, technique, port);
	if (technique->marker == MARKER_READ)
		(void)in_child(put_marker, attempt);
	int r = perform(technique, attempt);
	char line[LINE_SIZE];
	(void)snprintf(line, sizeof(line),
	               "{\"technique\":\"%s\",\"marker\":\"%s\",\"value\":\"%s\",\"worked\":%s,"
	               "\"error\":\"%s\"}",
	               technique->id, marker_names[technique->marker], attempt->value,
	               r == 0 ? "true" : "false", r == 0 ? "" : strerror(-r));
	report(line);
}

static bool is_wanted(const char *id, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strncasecmp(id, argv[i], strlen(argv[i])) == 0)
			return true;
	return argc <= 2;
}

static int make_directory(const char *path, const char *suffix)
{
	char full[EVASION_TEXT_MAX];
	(void)snprintf(full, sizeof(full), "%s%s", path, suffix);
	return mkdir(full, DIRECTORY_MODE) < 0 && errno != EEXIST ? -1 : 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--quiet") == 0)
		return 0; /* as a program that a technique runs */
	if (argc < 2) {
		(void)fputs("usage: evasion DIRECTORY [TECHNIQUE]...\n", stderr);
		return 2;
	}
	struct attempt *attempt = mmap(NULL, sizeof(*attempt), PROT_READ | PROT_WRITE,
	                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (attempt == MAP_FAILED || make_directory(argv[1], "") < 0 ||
	    make_directory(argv[1], ".d") < 0 || make_directory(argv[1], ".name") < 0) {
		perror(argv[1]);
		return 1;
	}
	uint16_t port = FIRST_PORT;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (size_t row = 0; row < lists[i]->count; row++, port++) {
			*attempt = (struct attempt){.directory = argv[1]};
			if (is_wanted(lists[i]->rows[row].id, argc, argv))
				try_technique(&lists[i]->rows[row], attempt, port);
		}
	}
	return 0;
}
