// SPDX-License-Identifier: Apache-2.0
#include "act_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE "/var/tmp/fangs-place"

enum { FAILED = 3 };

void act_need(int result)
{
	if (result < 0)
		_exit(FAILED);
}

void act_make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	act_need(fd);
	(void)close(fd);
}

void act_leave_mounts(void)
{
	act_need(unshare(CLONE_NEWNS));
	act_need(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void mount_overlay(enum act_place place)
{
	act_need(mkdir(PLACE "/lower", 0755));
	act_need(mkdir(PLACE "/lower/mnt", 0755));
	act_need(mkdir(PLACE "/lower/mnt/in", 0755));
	act_need(mkdir(PLACE "/lower/mnt/out", 0755));
	act_need(mkdir(PLACE "/upper", 0755));
	act_need(mkdir(PLACE "/work", 0755));
	if (place == ACT_PLACE_OVERLAY_LOWER) {
		act_make(PLACE "/lower/mnt/in/a");
		act_make(PLACE "/lower/mnt/in/secret");
	}
	act_need(mount("none", "/mnt", "overlay", 0,
	               "lowerdir=" PLACE "/lower,upperdir=" PLACE "/upper,workdir=" PLACE "/work"));
	act_need(umount2(PLACE, MNT_DETACH)); /* a container does not see the layers either */
	act_need(chroot("/mnt"));
}

void act_enter_place(enum act_place place)
{
	act_leave_mounts();
	(void)mkdir(PLACE, 0755);
	if (place == ACT_PLACE_DISK) {
		act_need(mount(PLACE, "/mnt", NULL, MS_BIND, NULL));
	} else {
		act_need(mount("none", PLACE, "tmpfs", 0, NULL));
		if (place == ACT_PLACE_TMPFS)
			act_need(mount(PLACE, "/mnt", NULL, MS_BIND, NULL));
		else
			mount_overlay(place);
	}
	(void)mkdir("/mnt/in", 0755);
	(void)mkdir("/mnt/out", 0755);
}

void *act_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(FAILED);
	return memory;
}

pid_t act_start_racer(void (*race)(void *ctx), void *ctx)
{
	pid_t parent = getpid();
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);

	act_need(pid);
	if (pid)
		return pid;
	act_need(prctl(PR_SET_PDEATHSIG, SIGKILL));
	if (getppid() == parent) /* else it has ended before */
		race(ctx);
	_exit(0);
}

void act_stop_racer(pid_t pid)
{
	act_need(kill(pid, SIGKILL));
	act_need(waitpid(pid, NULL, 0));
}
