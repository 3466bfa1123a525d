// SPDX-License-Identifier: Apache-2.0
#include "up/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "log/log.h"

enum {
	RESTART_BASE_MS = 500,
	RESTART_MAX_MS = 10000,
	STABLE_AFTER_MS = 30000, /* a child that lived this long starts again without back-off */
	WAIT_STEP_MS = 20,
	EXIT_CANNOT_EXEC = 127,
};

struct child *supervisor_add(struct supervisor *supervisor, const char *name, const char *program)
{
	struct child *child = &supervisor->children[supervisor->count++];
	*child = (struct child){.name = name,
	                        .argv = {(char *)program},
	                        .uid = (uid_t)-1,
	                        .gid = (gid_t)-1,
	                        .stop_signal = SIGTERM,
	                        .pid = -1};
	return child;
}

void child_add_args(struct child *child, const char *const *args, size_t count)
{
	size_t used = 0;
	while (child->argv[used])
		used++;
	for (size_t i = 0; i < count && used < CHILD_ARGS_MAX - 1; i++)
		child->argv[used++] = (char *)args[i];
}

const char *child_state_name(enum child_state state)
{
	static const char *const names[] = {"stopped", "running", "restarting"};
	return names[state];
}

struct child *supervisor_find(struct supervisor *supervisor, const char *name)
{
	for (size_t i = 0; i < supervisor->count; i++)
		if (strcmp(supervisor->children[i].name, name) == 0)
			return &supervisor->children[i];
	return NULL;
}

static bool become_user(const struct child *child)
{
	if (child->uid == (uid_t)-1)
		return true;
	return setgroups(0, NULL) == 0 && setgid(child->gid) == 0 && setuid(child->uid) == 0;
}

static bool redirect_output(const struct child *child)
{
	if (!child->log_path)
		return true;
	int fd = open(child->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0;
}

static void hide_environment(const struct child *child)
{
	for (const char *const *name = child->hidden_env; name && *name; name++)
		(void)unsetenv(*name);
}

/* Between fork and exec of this single-threaded process. A process group of its own keeps the
 * terminal's Ctrl-C from the children: they are stopped in order by the parent. */
__attribute__((noreturn)) static void exec_child(const struct child *child, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0);
	hide_environment(child);
	if (redirect_output(child) && become_user(child)) {
		/* After setuid(), which clears it; the parent may have died before it was set. */
		(void)prctl(PR_SET_PDEATHSIG, child->stop_signal);
		if (getppid() == parent)
			(void)execv(child->argv[0], child->argv);
	}
	_exit(EXIT_CANNOT_EXEC);
}

static void plan_restart(struct child *child, int64_t now_ms)
{
	if (now_ms - child->started_ms > STABLE_AFTER_MS)
		child->restarts = 0;
	child->restarts++;
	child->state = CHILD_BACKING_OFF;
	child->restart_at_ms =
	        now_ms + backoff_ms(child->restarts, RESTART_BASE_MS, RESTART_MAX_MS);
}

static void start(struct child *child)
{
	pid_t parent = getpid();
	child->started_ms = clock_monotonic_ms();
	pid_t pid = fork();
	if (pid == 0)
		exec_child(child, parent);
	if (pid < 0) {
		LOG_ERROR("cannot start a process", LOG_STR("program", child->argv[0]),
		          LOG_STR("error", strerror(errno)));
		plan_restart(child, child->started_ms);
		return;
	}
	(void)setpgid(pid, pid); /* also here: the group exists before it is signalled */
	child->pid = pid;
	child->state = CHILD_RUNNING;
	LOG_INFO("service started", LOG_STR("name", child->name), LOG_INT("pid", pid));
}

void supervisor_turn(struct supervisor *supervisor)
{
	int64_t now_ms = clock_monotonic_ms();
	for (size_t i = 0; i < supervisor->count; i++) {
		struct child *child = &supervisor->children[i];
		bool due = child->state == CHILD_STOPPED ||
		           (child->state == CHILD_BACKING_OFF && now_ms >= child->restart_at_ms);
		if (due && !supervisor->stopping)
			start(child);
	}
}

static struct child *find_pid(struct supervisor *supervisor, pid_t pid)
{
	for (size_t i = 0; i < supervisor->count; i++)
		if (supervisor->children[i].pid == pid)
			return &supervisor->children[i];
	return NULL;
}

static void note_end(struct supervisor *supervisor, struct child *child, int status)
{
	child->pid = -1;
	if (supervisor->stopping) {
		child->state = CHILD_STOPPED;
		return;
	}
	plan_restart(child, clock_monotonic_ms());
	LOG_WARN("service ended, restarting it", LOG_STR("name", child->name),
	         LOG_INT("exit_code", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
	         LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
	         LOG_INT("restart_in_ms", child->restart_at_ms - clock_monotonic_ms()));
}

bool supervisor_reap(struct supervisor *supervisor)
{
	bool changed = false;
	int status = 0;
	for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0;
	     pid = waitpid(-1, &status, WNOHANG)) {
		struct child *child = find_pid(supervisor, pid);
		if (!child)
			continue;
		note_end(supervisor, child, status);
		changed = true;
	}
	return changed;
}

static bool wait_for_end(struct supervisor *supervisor, const struct child *child,
                         int64_t timeout_ms)
{
	const struct timespec step = {.tv_nsec = (long)WAIT_STEP_MS * NS_PER_MS};
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	while (child->pid > 0 && clock_monotonic_ms() < deadline_ms) {
		(void)supervisor_reap(supervisor);
		if (child->pid > 0)
			(void)nanosleep(&step, NULL);
	}
	return child->pid <= 0;
}

void supervisor_stop(struct supervisor *supervisor, struct child *child, int64_t timeout_ms)
{
	enum { KILL_WAIT_MS = 5000 };
	supervisor->stopping = true;
	(void)supervisor_reap(supervisor);
	if (child->pid <= 0)
		return;
	(void)kill(child->pid, child->stop_signal);
	if (wait_for_end(supervisor, child, timeout_ms))
		return;
	LOG_WARN("service did not stop in time, killing it", LOG_STR("name", child->name));
	(void)kill(-child->pid, SIGKILL); /* its group: what it started goes with it */
	(void)wait_for_end(supervisor, child, KILL_WAIT_MS);
}
