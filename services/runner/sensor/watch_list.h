// SPDX-License-Identifier: Apache-2.0
/*
 * The watched prefixes of one run, and paths as text. The kernel matches the paths of files that
 * were really opened; what only a failed call names is made absolute and matched here.
 *
 * Invariants: entries are sorted by falling length, so the first that matches is the longest.
 */
#ifndef FANGS_SENSOR_WATCH_LIST_H
#define FANGS_SENSOR_WATCH_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/job.h"

struct watch_entry {
	char *prefix; /* owned */
	size_t size;
	bool cred;
};

struct watch_list {
	struct watch_entry *entries;
	size_t count;
};

enum watch_match { WATCH_MATCH_NONE, WATCH_MATCH_PLAIN, WATCH_MATCH_CRED };

/* ERROR_DROP when a prefix is not absolute or has no legal length. */
int watch_list_init(struct watch_list *list, const struct watched_path *paths, size_t count,
                    struct error *err);
void watch_list_release(struct watch_list *list);

/* Any /proc/<pid>/, or /proc/<pid>/task/<tid>/, matches what is watched as /proc/self/. */
enum watch_match watch_list_match(const struct watch_list *list, struct view path);

/* Of a directory that moves: also what is watched below it. */
enum watch_match watch_list_match_tree(const struct watch_list *list, struct view path);

/* Appends `name`, made absolute from `base` (absolute, or empty) and without ".", ".." and double
 * slashes, as text: symbolic links are not known of a call that failed. /proc/<pid>/root is taken
 * off. */
void path_resolve(struct buf *out, struct view base, struct view name);

/* Size of the "/proc/<pid>" that `path` begins with, 0 when it does not. */
size_t path_proc_size(struct view path);

#endif
