// SPDX-License-Identifier: Apache-2.0
/* Running programs unseen, or under another name: E06, E16, E19 to E23, E44. The programs that run
 * are copies of this one, whose other self does nothing but end well (see main.c). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evasion.h"

static const char self[] = "/proc/self/exe";
static char *const no_environment[] = {NULL};

static int copy_self(void *ctx)
{
	const struct attempt *attempt = ctx;
	as_preparer();
	return copy_file(self, attempt->path, 0755);
}

/* Runs `act`, which does not return when it works, in a child. */
static int runs(struct attempt *attempt, int (*act)(void *ctx))
{
	int r = in_child(copy_self, attempt);
	return r < 0 ? r : in_child(act, attempt);
}

static int do_execve(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {attempt->path, "--quiet", NULL};
	return result_of(execve(attempt->path, argv, no_environment));
}

static int by_execve(struct attempt *attempt)
{
	return runs(attempt, do_execve);
}

static int do_relative(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {attempt->id, "--quiet", NULL};
	if (chdir(attempt->directory) < 0)
		return -errno;
	return result_of(execve(attempt->id, argv, no_environment));
}

static int by_relative(struct attempt *attempt)
{
	return runs(attempt, do_relative);
}

static int do_symlink(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {"ls", "--quiet", NULL};
	if (symlink(attempt->path, attempt->spare) < 0)
		return -errno;
	return result_of(execve(attempt->spare, argv, no_environment));
}

static int by_symlink(struct attempt *attempt)
{
	return runs(attempt, do_symlink);
}

static int do_execveat(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {"x", "--quiet", NULL};
	int fd = open(attempt->path, O_PATH | O_CLOEXEC);
	return result_of(syscall(SYS_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH));
}

static int by_execveat(struct attempt *attempt)
{
	return runs(attempt, do_execveat);
}

static int do_fexecve(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {"x", "--quiet", NULL};
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", open(attempt->path, O_RDONLY));
	return result_of(execve(path, argv, no_environment));
}

static int by_fd_path(struct attempt *attempt)
{
	return runs(attempt, do_fexecve);
}

static int do_memfd(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {"x", "--quiet", NULL};
	char path[64];
	int fd = memfd_create(attempt->id, MFD_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int r = copy_file(self, path, 0);
	return r < 0 ? r
	             : result_of(
	                       syscall(SYS_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH));
}

static int from_memory(struct attempt *attempt)
{
	(void)snprintf(attempt->value, sizeof(attempt->value), "/memfd:%s", attempt->id);
	return in_child(do_memfd, attempt);
}

/* The file is gone before it runs. */
static int do_deleted(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {"x", "--quiet", NULL};
	int fd = open(attempt->path, O_PATH | O_CLOEXEC);
	(void)unlink(attempt->path);
	return result_of(syscall(SYS_execveat, fd, "", argv, no_environment, AT_EMPTY_PATH));
}

static int deleted(struct attempt *attempt)
{
	return runs(attempt, do_deleted);
}

static int do_execve_32(void *ctx)
{
	struct attempt *attempt = ctx;
	uint32_t *argv = low_memory(4 * sizeof(*argv));
	argv[0] = (uint32_t)(uintptr_t)low_text(attempt->path);
	argv[1] = (uint32_t)(uintptr_t)low_text("--quiet");
	return (int)call32(11, (long)low_text(attempt->path), (long)argv, (long)(argv + 3), 0);
}

static int by_execve_32(struct attempt *attempt)
{
	return runs(attempt, do_execve_32);
}

static int do_false_name(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {"npm", "--quiet", NULL};
	(void)prctl(PR_SET_NAME, "npm install");
	return result_of(execve(attempt->path, argv, no_environment));
}

static int false_name(struct attempt *attempt)
{
	return runs(attempt, do_false_name);
}

static int do_vfork(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {attempt->path, "--quiet", NULL};
	pid_t pid = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork): what is tested
	if (pid == 0) {
		(void)execve(attempt->path, argv, no_environment);
		_exit(1);
	}
	int status = 0;
	(void)waitpid(pid, &status, 0);
	return -WEXITSTATUS(status);
}

static int by_vfork(struct attempt *attempt)
{
	return runs(attempt, do_vfork);
}

/* Scripts. */

static int put_script(const struct attempt *attempt)
{
	static const char text[] = "#!/bin/sh\nexit 0\n";
	return put_file(attempt->path, text, sizeof(text) - 1, 0755);
}

static int script(struct attempt *attempt)
{
	int r = put_script(attempt);
	return r < 0 ? r : in_child(do_execve, attempt);
}

static int script_at(struct attempt *attempt)
{
	int r = put_script(attempt);
	return r < 0 ? r : in_child(do_relative, attempt);
}

static int do_shell(void *ctx)
{
	struct attempt *attempt = ctx;
	char *const argv[] = {"sh", "-c", ": \"$1\"", "sh", attempt->id, NULL};
	return result_of(execve("/bin/sh", argv, no_environment));
}

static int by_shell(struct attempt *attempt)
{
	return in_child(do_shell, attempt);
}

/* The marker is the last of many long arguments. */
static int do_many_arguments(void *ctx)
{
	struct attempt *attempt = ctx;
	enum { FILLERS = 40, FILLER = 100 };
	char filler[FILLER + 1] = "", *argv[FILLERS + 4] = {attempt->path, "--quiet"};
	memset(filler, 'a', FILLER);
	for (int i = 0; i < FILLERS; i++)
		argv[2 + i] = filler;
	argv[2 + FILLERS] = attempt->id;
	return result_of(execve(attempt->path, argv, no_environment));
}

static int many_arguments(struct attempt *attempt)
{
	return runs(attempt, do_many_arguments);
}

/* Attempts. */

static int failed_exec(struct attempt *attempt)
{
	return in_child(do_execve, attempt) == -ENOENT ? 0 : -EEXIST;
}

static int failed_execveat(struct attempt *attempt)
{
	char *const argv[] = {"x", NULL};
	int directory = open(attempt->directory, O_PATH | O_DIRECTORY);
	long r = syscall(SYS_execveat, directory, attempt->id, argv, no_environment, 0);
	return r < 0 && errno == ENOENT ? 0 : -EEXIST;
}

/* Reads its file when all its parents are gone. */
static int daemonise(struct attempt *attempt)
{
	int ends[2];
	char answer = 1;
	if (pipe(ends) < 0)
		return -errno;
	if (fork() == 0) {
		(void)setsid();
		if (fork() != 0)
			_exit(0);
		(void)usleep(200000);
		answer = expect_content(attempt, result_of(open(attempt->path, O_RDONLY))) == 0 ? 1
		                                                                                : 0;
		(void)!write(ends[1], &answer, 1);
		_exit(0);
	}
	(void)wait(NULL);
	return read(ends[0], &answer, 1) == 1 && answer ? 0 : -EIO;
}

static const struct technique rows[] = {
        {"E19-execve", MARKER_EXEC, by_execve},
        {"E19-relative", MARKER_EXEC, by_relative},
        {"E19-symlink", MARKER_EXEC, by_symlink},
        {"E19-execveat", MARKER_EXEC, by_execveat},
        {"E19-fd-path", MARKER_EXEC, by_fd_path},
        {"E19-memfd", MARKER_EXEC, from_memory},
        {"E19-deleted", MARKER_EXEC, deleted},
        {"E19-vfork", MARKER_EXEC, by_vfork},
        {"E06-int80-exec", MARKER_EXEC, by_execve_32},
        {"E16-argument", MARKER_ARGUMENT, many_arguments},
        {"E21-script", MARKER_EXEC, script},
        {"E21-script-rel", MARKER_EXEC, script_at},
        {"E21-shell", MARKER_ARGUMENT, by_shell},
        {"E22-exec", MARKER_EXEC_FAILED, failed_exec},
        {"E22-execveat", MARKER_EXEC_FAILED, failed_execveat},
        {"E23-false-name", MARKER_EXEC, false_name},
        {"E44-daemon", MARKER_READ, daemonise},
};
const struct technique_list exec_techniques = TECHNIQUE_LIST(rows);
