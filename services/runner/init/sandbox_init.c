// SPDX-License-Identifier: Apache-2.0
/*
 * The main process of a sandbox: runs the job's command and outlives it.
 *
 *	sandbox-init --grace-ms=2000 [--gate] -- sh -c '...'
 *
 * With --gate it starts the command only when it is sent SIGUSR1: until then the runner looks at
 * the mounts of the sandbox, which did not exist before. It ends if that takes a minute.
 *
 * When the main process of a container ends, the kernel kills all others in it. A package may leave
 * a process behind on purpose, so this program stays after the command has ended until no process
 * is left or the grace period is over, and then ends with the command's exit status. It is linked
 * statically and put into the container by the runner, so it works in any image, also in one
 * without a shell.
 *
 * It cannot be traced or killed from inside: it is not dumpable, and the kernel ignores signals for
 * the first process of a pid namespace unless they are handled.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"

enum {
	EXIT_USAGE = 125,
	EXIT_NOT_RUNNABLE = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL_BASE = 128,
	EXIT_NOT_LET_GO = 124,
	ARGUMENTS_BEFORE_COMMAND = 3, /* own name, the grace period, "--" */
	GATE_SECONDS = 60,
	GRACE_MAX_MS = 24 * 60 * 60 * 1000,
	DECIMAL = 10,
	PROCESS_NAME_MAX = 16,
	MS_PER_SECOND = 1000,
	NS_PER_MILLISECOND = 1000000,
};

struct state {
	pid_t command;
	bool has_gate;
	bool ended; /* the command has */
	int exit_code;
	int64_t grace_ms;
	int64_t leave_at_ms; /* set when the command has ended */
};

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / NS_PER_MILLISECOND;
}

static bool read_grace(const char *argument, int64_t *ret_ms)
{
	static const char prefix[] = "--grace-ms=";
	if (strncmp(argument, prefix, sizeof(prefix) - 1) != 0)
		return false;
	const char *digits = argument + sizeof(prefix) - 1;
	char *end = NULL;
	errno = 0;
	long long value = strtoll(digits, &end, DECIMAL);
	if (errno != 0 || end == digits || *end != '\0' || value < 0 || value > GRACE_MAX_MS)
		return false;
	*ret_ms = value;
	return true;
}

static void run_command(char **command, const sigset_t *mask)
{
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	(void)execvp(command[0], command);
	int code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
	(void)fprintf(stderr, "cannot run '%s': %s\n", command[0], strerror(errno));
	_exit(code);
}

static int exit_code_of(int status)
{
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Collects ended processes; false when none is left at all. */
static bool reap(struct state *state)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0)
			return errno != ECHILD;
		if (pid == 0)
			return true;
		if (pid == state->command) {
			state->ended = true;
			state->exit_code = exit_code_of(status);
			state->leave_at_ms = now_ms() + state->grace_ms;
		}
	}
}

/* Waits to be let go; the exit code if that does not happen. */
static int wait_at_gate(const sigset_t *signals)
{
	struct timespec timeout = {.tv_sec = GATE_SECONDS};
	char name[PROCESS_NAME_MAX] = "";
	int signal_number;
	(void)prctl(PR_GET_NAME, name, 0, 0, 0);
	(void)prctl(PR_SET_NAME, GATE_PROCESS_NAME, 0, 0, 0);
	do {
		signal_number = sigtimedwait(signals, NULL, &timeout);
	} while (signal_number < 0 && errno == EINTR);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	if (signal_number == SIGUSR1)
		return 0;
	(void)fprintf(stderr, "the runner did not let the sandbox start\n");
	return signal_number > 0 ? EXIT_SIGNAL_BASE + signal_number : EXIT_NOT_LET_GO;
}

/* The command hears what init is told. When the engine asks to stop, the grace period is over. */
static void pass_on(struct state *state, int signal_number)
{
	if (signal_number == SIGUSR1 && state->has_gate)
		return; /* it is the runner's, and may come twice */
	if (!state->ended)
		(void)kill(state->command, signal_number);
	if (signal_number == SIGTERM) {
		state->grace_ms = 0;
		state->leave_at_ms = 0;
	}
}

static int watch(struct state *state, const sigset_t *signals)
{
	while (reap(state)) {
		struct timespec timeout = {.tv_sec = GRACE_MAX_MS / MS_PER_SECOND};
		if (state->ended) {
			int64_t left_ms = state->leave_at_ms - now_ms();
			if (left_ms <= 0)
				break;
			timeout.tv_sec = left_ms / MS_PER_SECOND;
			timeout.tv_nsec = (left_ms % MS_PER_SECOND) * NS_PER_MILLISECOND;
		}
		int signal_number = sigtimedwait(signals, NULL, &timeout);
		if (signal_number > 0 && signal_number != SIGCHLD)
			pass_on(state, signal_number);
	}
	return state->exit_code;
}

int main(int argc, char **argv)
{
	static const int handled[] = {SIGCHLD, SIGTERM, SIGINT,  SIGHUP,
	                              SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
	struct state state = {0};
	state.has_gate = argc > ARGUMENTS_BEFORE_COMMAND && strcmp(argv[2], "--gate") == 0;
	int before = ARGUMENTS_BEFORE_COMMAND + state.has_gate;
	if (argc <= before || !read_grace(argv[1], &state.grace_ms) ||
	    strcmp(argv[before - 1], "--") != 0) {
		(void)fprintf(stderr, "usage: %s --grace-ms=N [--gate] -- COMMAND...\n", argv[0]);
		return EXIT_USAGE;
	}
	sigset_t signals, old;
	(void)sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		(void)sigaddset(&signals, handled[i]);
	(void)sigprocmask(SIG_BLOCK, &signals, &old);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* The first process inherits orphans anyway; this is for where it is not the first. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

	int refused = state.has_gate ? wait_at_gate(&signals) : 0;
	if (refused)
		return refused;
	state.command = fork();
	if (state.command < 0) {
		(void)fprintf(stderr, "cannot fork: %s\n", strerror(errno));
		return EXIT_NOT_RUNNABLE;
	}
	if (state.command == 0)
		run_command(argv + before, &old);
	return watch(&state, &signals);
}
