// SPDX-License-Identifier: Apache-2.0
/*
 * Files that had a watched name when they got another one, by inode: what they were called first.
 *
 * Invariant: at most RECORD_ALIASES_MAX, as in the kernel, which counts what finds no room.
 */
#ifndef FANGS_SENSOR_ALIAS_LIST_H
#define FANGS_SENSOR_ALIAS_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

enum { ALIAS_BUCKETS = 256 };

struct alias;

struct alias_list {
	struct alias *buckets[ALIAS_BUCKETS];
	size_t count;
};

void alias_list_init(struct alias_list *list);
void alias_list_release(struct alias_list *list);

/* The first name stays. */
void alias_list_add(struct alias_list *list, uint32_t device, uint64_t inode, struct view path);
/* Borrowed; empty when unknown. */
struct view alias_list_find(const struct alias_list *list, uint32_t device, uint64_t inode);

#endif
