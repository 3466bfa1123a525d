// SPDX-License-Identifier: Apache-2.0
/*
 * Which batch numbers of a run's attempt were applied: a few intervals, one when nothing is
 * missing. Its text form is PostgreSQL's INT8MULTIRANGE, "{[1,31),[33,40)}".
 */
#ifndef FANGS_DIFFER_SEQ_SET_H
#define FANGS_DIFFER_SEQ_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"

/* A run with more gaps than that is noise; what it costs is bounded. */
enum { SEQ_SET_MAX = 4096 };

struct seq_range {
	uint64_t first, last; /* both inside */
};

struct seq_set {
	struct seq_range *ranges; /* ascending, never touching */
	size_t count, capacity;
};

enum seq_added { SEQ_NEW, SEQ_KNOWN, SEQ_FULL };

void seq_set_release(struct seq_set *set); /* `= {0}` is an empty set */
void seq_set_clear(struct seq_set *set);

/* `seq` from 1 to INT64_MAX - 1, what the text form can hold; others are SEQ_FULL. */
enum seq_added seq_set_add(struct seq_set *set, uint64_t seq);
bool seq_set_has(const struct seq_set *set, uint64_t seq);

/* The highest number; 0 when empty. */
uint64_t seq_set_last(const struct seq_set *set);
/* The lowest number from 1 on that is missing. */
uint64_t seq_set_first_missing(const struct seq_set *set);

void seq_set_format(const struct seq_set *set, struct buf *out);
/* DROP on anything that seq_set_format() does not write. */
int seq_set_parse(struct seq_set *set, struct view text, struct error *err);

#endif
