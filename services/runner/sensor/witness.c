// SPDX-License-Identifier: Apache-2.0
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	READ_SIZE = 8192,
	LINE_MAX_BYTES = 4096,
	LINK_MAX_BYTES = 64,
	MOUNTINFO_POINT = 4, /* fields before the mount point */
	OCTAL_DIGITS = 3,
};

/* Opening a device, pipe or terminal once more could do something. */
static const char *const skipped[] = {"/dev", "/dev/pts", "/dev/mqueue", "/dev/console"};

int witness_open(struct witness *witness, struct error *err)
{
	*witness = (struct witness){
	        .fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK,
	                            O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NONBLOCK | O_NOATIME),
	        .space = -1};

	if (witness->fd >= 0)
		return 0;
	return error_set_errno(err, errno, "cannot open fanotify");
}

void witness_close(struct witness *witness)
{
	if (witness->fd >= 0)
		(void)close(witness->fd);
	if (witness->space >= 0)
		(void)close(witness->space);
	witness->fd = witness->space = -1;
}

static bool is_skipped(const char *mount_point)
{
	for (size_t i = 0; i < sizeof(skipped) / sizeof(*skipped); i++)
		if (strcmp(mount_point, skipped[i]) == 0)
			return true;
	return false;
}

/* Takes the kernel's "\040" for a space back. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
			               (from[3] - '0'));
			from += OCTAL_DIGITS;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* The mount point of a line of mountinfo, NULL when there is none. */
static char *mount_point_of(char *line)
{
	char *save = NULL, *field = strtok_r(line, " ", &save);

	for (int i = 0; field && i < MOUNTINFO_POINT; i++)
		field = strtok_r(NULL, " ", &save);
	if (field)
		unescape(field);
	return field;
}

static int mark_mount(const struct witness *witness, pid_t pid, const char *mount_point)
{
	char path[LINE_MAX_BYTES + LINK_MAX_BYTES];

	(void)snprintf(path, sizeof(path), "/proc/%d/root%s", pid, mount_point);
	return fanotify_mark(witness->fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_ONDIR,
	                     AT_FDCWD, path);
}

/* What is read from the queue after the last process has gone has its path only as long as somebody
 * keeps the mounts. */
static int hold_mounts(struct witness *witness, pid_t pid, struct error *err)
{
	char path[LINK_MAX_BYTES];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	if (witness->space >= 0)
		(void)close(witness->space);
	witness->space = open(path, O_RDONLY | O_CLOEXEC);
	if (witness->space < 0)
		return error_set_errno(err, errno, "cannot hold the mounts of process %d", pid);
	return 0;
}

int witness_mark(struct witness *witness, pid_t pid, struct error *err)
{
	char path[LINK_MAX_BYTES], line[LINE_MAX_BYTES];
	AUTO(fclose) FILE *mounts = NULL;
	int count = 0;

	if (hold_mounts(witness, pid, err) < 0)
		return -err->code;
	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	mounts = fopen(path, "re");
	if (!mounts)
		return error_set_errno(err, errno, "cannot read the mounts of process %d", pid);
	while (fgets(line, sizeof(line), mounts)) {
		const char *point = mount_point_of(line);

		if (!point || is_skipped(point))
			continue;
		if (mark_mount(witness, pid, point) == 0)
			count++;
		else if (strcmp(point, "/") == 0)
			return error_set_errno(err, errno, "cannot watch the sandbox's root");
	}
	return count;
}

static void hand_out(const struct fanotify_event_metadata *event,
                     const struct witness_handler *handler)
{
	struct witnessed witnessed = {.pid = (uint32_t)event->pid};
	char link[LINK_MAX_BYTES], path[PATH_MAX];
	struct stat status;
	ssize_t size;

	if (fstat(event->fd, &status) < 0)
		return;
	witnessed.inode = status.st_ino;
	witnessed.device = status.st_dev;
	if (handler->is_settled(handler->ctx, &witnessed))
		return;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", event->fd);
	size = readlink(link, path, sizeof(path));
	if (size <= 0)
		return;
	witnessed.path = view_of(path, (size_t)size);
	handler->on_open(handler->ctx, &witnessed);
}

/* The kernel could not open one file for us: of a process that has gone (below /proc), or because
 * we have no descriptors or memory left, so that others get lost, too. False: the queue is empty.
 */
static bool go_on_after(struct witness *witness, int code)
{
	if (code == EMFILE || code == ENFILE || code == ENOMEM)
		witness->overflowed = true;
	return code != EAGAIN && code != EBADF;
}

size_t witness_read(struct witness *witness, size_t max, const struct witness_handler *handler)
{
	_Alignas(struct fanotify_event_metadata) char buffer[READ_SIZE];
	size_t count = 0;

	while (witness->fd >= 0 && count < max) {
		ssize_t left = read(witness->fd, buffer, sizeof(buffer));
		const struct fanotify_event_metadata *event = (const void *)buffer;

		if (left == 0 || (left < 0 && !go_on_after(witness, errno)))
			break;
		if (left < 0) {
			count++;
			continue;
		}
		for (; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left)) {
			count++;
			if (event->mask & FAN_Q_OVERFLOW)
				witness->overflowed = true;
			if (event->fd < 0)
				continue;
			hand_out(event, handler);
			(void)close(event->fd);
		}
	}
	return count;
}
