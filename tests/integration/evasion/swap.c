// SPDX-License-Identifier: Apache-2.0
/* A descriptor that is another file before the call that made it returns: E18. Each race has a file
 * of its own, so that one which was never shown cannot hide behind the others. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evasion.h"

enum { SWAPS = 500, COPY_FROM = 100, PATH_SIZE = EVASION_TEXT_MAX + 16 };

struct swapper {
	int expected, decoy;
	atomic_int copy; /* of the secret: -1 none yet */
	atomic_bool stop;
};

static void secret_path(char path[PATH_SIZE], const struct attempt *attempt, int number)
{
	(void)snprintf(path, PATH_SIZE, "%s/%d", attempt->spare, number);
}

/* By another process: what the racing one does is all that is known of it. */
static int make_secrets(void *ctx)
{
	const struct attempt *attempt = ctx;
	char path[PATH_SIZE];
	as_preparer();
	if (mkdir(attempt->spare, 0755) < 0)
		return -errno;
	for (int i = 0; i < SWAPS; i++) {
		secret_path(path, attempt, i);
		int r = put_file(path, "", 0, 0644);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes the secret away the moment it is there. */
static void *swapper_main(void *arg)
{
	struct swapper *swapper = arg;
	while (!atomic_load(&swapper->stop)) {
		if (atomic_load(&swapper->copy) >= 0) {
			(void)sched_yield();
			continue;
		}
		int copy = fcntl(swapper->expected, F_DUPFD_CLOEXEC, COPY_FROM);
		if (copy < 0)
			continue;
		(void)dup2(swapper->decoy, swapper->expected);
		atomic_store(&swapper->copy, copy);
	}
	return NULL;
}

/* Whether the descriptor was the decoy when the call returned. */
static bool race_once(struct swapper *swapper, const char *path)
{
	struct stat now = {0}, secret = {0};
	atomic_store(&swapper->copy, -1);
	int fd = open(path, O_RDONLY);
	if (fd != swapper->expected || fstat(fd, &now) < 0)
		return false;
	while (atomic_load(&swapper->copy) < 0)
		(void)sched_yield();
	(void)fstat(swapper->copy, &secret);
	(void)close(fd);
	(void)close(swapper->copy);
	return now.st_ino != secret.st_ino;
}

static int swapped_descriptor(struct attempt *attempt)
{
	static struct swapper swapper;
	pthread_t thread;
	char path[PATH_SIZE];
	int fooled = 0, r = in_child(make_secrets, attempt);
	if (r < 0)
		return r;
	swapper.decoy = open(attempt->path, O_RDONLY);
	swapper.expected = dup(swapper.decoy); /* what the next open will get */
	(void)close(swapper.expected);
	atomic_store(&swapper.copy, 0);
	if (swapper.decoy < 0 || pthread_create(&thread, NULL, swapper_main, &swapper) != 0)
		return -EAGAIN;
	for (int i = 0; i < SWAPS; i++) {
		secret_path(path, attempt, i);
		if (!race_once(&swapper, path))
			continue;
		fooled++;
		set_value(attempt, path);
	}
	atomic_store(&swapper.stop, true);
	(void)pthread_join(thread, NULL);
	return fooled ? 0 : -EAGAIN;
}

static const struct technique rows[] = {{"E18-swap", MARKER_READ, swapped_descriptor}};
const struct technique_list swap_techniques = TECHNIQUE_LIST(rows);
