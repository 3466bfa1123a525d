// SPDX-License-Identifier: Apache-2.0
/*
 *	load_object [-e] OBJECT
 *
 * Gives the programs of a BPF object to this kernel's verifier and prints what that took; with -e
 * each alone, with all that the verifier says of those it refuses, which may be the optional ones.
 * Attaches nothing. Exit status 77: not permitted here.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_SKIPPED = 77,
	PROGRAMS_MAX = 64,
	LOG_SIZE = 1 << 16,
	LOG_ALL_SIZE = 16 << 20,
	LOG_ALL = 5,
	LOG_STATISTICS = 4,
};

static char logs[PROGRAMS_MAX][LOG_SIZE];

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static bool has_tracepoint(const char *name)
{
	return libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP) >= 0;
}

/* Tracepoints that this kernel does not have are no fault of the object, nor are functions that it
 * need not trace, and perhaps cannot; nor, before Linux 6.13, what the sensor adapts or leaves out
 * (tests/kernels looks at these). */
static bool is_absent(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	bool is_new = has_tracepoint("inode_set_ctime_to_ts");
	if (strncmp(section, "fentry/", 7) == 0)
		return is_new;
	if (strstr(section, "_unix") || strstr(section, "io_uring_complete"))
		return !is_new;
	return strncmp(section, "tp_btf/", 7) == 0 && !has_tracepoint(section + 7);
}

static void ask_for_statistics(struct bpf_object *object)
{
	struct bpf_program *program;
	size_t count = 0;
	bpf_object__for_each_program(program, object)
	{
		if (is_absent(program))
			(void)bpf_program__set_autoload(program, false);
		if (count == PROGRAMS_MAX)
			return;
		(void)bpf_program__set_log_level(program, LOG_STATISTICS);
		(void)bpf_program__set_log_buf(program, logs[count++], LOG_SIZE);
	}
}

static void print_statistics(struct bpf_object *object)
{
	struct bpf_program *program;
	size_t count = 0;
	bpf_object__for_each_program(program, object)
	{
		const char *line = strstr(logs[count++], "processed ");
		(void)printf("%-24s %.*s\n", bpf_program__name(program),
		             line ? (int)strcspn(line, "\n") : 1, line ? line : "-");
	}
}

/* Of the last program that the verifier has seen. */
static void print_failure(struct bpf_object *object, const char *path, int code)
{
	struct bpf_program *program;
	const char *last = "";
	size_t count = 0;
	bpf_object__for_each_program(program, object)
	{
		if (count < PROGRAMS_MAX && *logs[count])
			last = logs[count];
		count++;
	}
	(void)fprintf(stderr, "%s: %s\n%s", path, strerror(code), last);
}

/* Only the program at that place. False: there is none. */
static bool load_each(struct bpf_object *object, size_t only)
{
	static char log[LOG_ALL_SIZE];
	struct bpf_program *program, *one = NULL;
	size_t count = 0;
	bpf_object__for_each_program(program, object)
	{
		(void)bpf_program__set_autoload(program, count == only);
		if (count++ == only)
			one = program;
	}
	if (!one)
		return false;
	*log = '\0';
	(void)bpf_program__set_log_level(one, LOG_ALL);
	(void)bpf_program__set_log_buf(one, log, sizeof(log));
	int r = bpf_object__load(object);
	const char *line = strstr(log, "processed ");
	(void)printf("%-24s %s: %.*s\n", bpf_program__name(one), strerror(-r),
	             line ? (int)strcspn(line, "\n") : 1, line ? line : "-");
	if (r < 0)
		(void)fprintf(stderr, "%s: %s\n%s\n", bpf_program__name(one), strerror(-r), log);
	return true;
}

static int load_one_by_one(const char *path)
{
	bool more = true;
	for (size_t i = 0; more; i++) {
		struct bpf_object *object = bpf_object__open(path);
		if (!object)
			return EXIT_FAILURE;
		more = load_each(object, i);
		bpf_object__close(object);
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc != 2 && !(argc == 3 && strcmp(argv[1], "-e") == 0))
		return 2;
	if (geteuid() != 0)
		return EXIT_SKIPPED;
	(void)libbpf_set_print(print_nothing);
	if (argc == 3)
		return load_one_by_one(argv[2]);
	struct bpf_object *object = bpf_object__open(argv[1]);
	if (!object) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	ask_for_statistics(object);
	int r = bpf_object__load(object);
	print_statistics(object);
	if (r < 0)
		print_failure(object, argv[1], -r);
	bpf_object__close(object);
	return r == -EPERM ? EXIT_SKIPPED : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
