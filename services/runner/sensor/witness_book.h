// SPDX-License-Identifier: Apache-2.0
/*
 * Puts two witnesses of opens together: what the second one saw and the first did not tell within a
 * full turn of the reader is what the first was shown wrongly.
 *
 * Invariants: bounded: the last BOOK_SEEN_MAX / 2 opens at least are remembered, and
 * BOOK_WAITING_MAX wait. What was forgotten may be told twice; what finds no room to wait is told
 * at once. Nothing is lost by either.
 */
#ifndef FANGS_SENSOR_WITNESS_BOOK_H
#define FANGS_SENSOR_WITNESS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

enum { BOOK_SEEN_MAX = 65536, BOOK_WAITING_MAX = 20000 };

struct book_open {
	uint32_t pid;
	uint64_t device, inode; /* as of stat(2) */
	struct view path;
};

struct book_entry {
	uint32_t pid;
	bool ripe; /* has waited for a turn */
	uint64_t device, inode;
	char *path; /* owned */
	size_t size;
};

struct witness_book {
	uint64_t secret;
	uint64_t *seen, *seen_before; /* hashes, 0 is free; allocated when needed */
	size_t seen_count;
	struct book_entry *waiting; /* owned, in order */
	size_t waiting_count;
};

void witness_book_init(struct witness_book *book);
void witness_book_release(struct witness_book *book);

/* The first witness told it. */
void witness_book_seen(struct witness_book *book, const struct book_open *open);
/* Has it told this file, by whatever name? The path is not looked at. */
bool witness_book_knows_file(const struct witness_book *book, const struct book_open *open);
/* The second one did. False when too many wait: it is to be told now. */
bool witness_book_wait(struct witness_book *book, const struct book_open *open);
/* A turn of the reader is over: hands out what has waited for one, and was not seen. */
void witness_book_turn(struct witness_book *book,
                       void (*on_unseen)(void *ctx, const struct book_open *open), void *ctx);

#endif
