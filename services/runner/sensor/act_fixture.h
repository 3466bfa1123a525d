// SPDX-License-Identifier: Apache-2.0
/*
 * For tests with the real kernel: what the processes do that the sensor watches, in the child of
 * kernel_fixture_run(). There is no cmocka there: a failure ends the process.
 */
#ifndef FANGS_SENSOR_ACT_FIXTURE_H
#define FANGS_SENSOR_ACT_FIXTURE_H

#include <stddef.h>
#include <sys/types.h>

/* A race that two tasks run ends after so long, however many rounds there were: on a busy host each
 * round takes the time slices of others. */
enum { ACT_RACE_MS = 20000 };

/* Ends the process if a system call failed. */
void act_need(int result);

/* An empty file, which may be there already. */
void act_make(const char *path);

/* Mounts of this process alone. */
void act_leave_mounts(void);

enum act_place { ACT_PLACE_DISK, ACT_PLACE_TMPFS, ACT_PLACE_OVERLAY, ACT_PLACE_OVERLAY_LOWER };

/* Puts that file system at /mnt, for this process only, with the folders in and out. In the lower
 * layer of ACT_PLACE_OVERLAY_LOWER there are in/a and in/secret already. */
void act_enter_place(enum act_place place);

/* Memory that is the same for processes which are started later; zero. */
void *act_share(size_t size);

/*
 * Another task that does `race`, which never returns by itself. It shares descriptors, and memory
 * of act_share(); it ends with its parent at the latest.
 *
 * A process and not a thread: in the child of a process with threads, pthread_create() may wait for
 * ever for a lock that none of its threads holds (AddressSanitizer's).
 */
pid_t act_start_racer(void (*race)(void *ctx), void *ctx);
void act_stop_racer(pid_t pid);

#endif
