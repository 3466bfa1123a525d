// SPDX-License-Identifier: Apache-2.0
#include "witness_book.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"

#define HASH_FACTOR 0x100000001b3ULL

enum { SLOTS = 2 * BOOK_SEEN_MAX };

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * HASH_FACTOR;
	return hash ? hash : 1;
}

static char *copy_of(struct view text)
{
	char *copy = xmalloc(text.size + 1);

	memcpy(copy, text.data, text.size);
	return copy;
}

/* The start is secret: who names files cannot look for names of one hash. */
static uint64_t hash_path(const struct witness_book *book, const struct book_open *open)
{
	uint64_t hash = hash_bytes(book->secret, &open->pid, sizeof(open->pid));

	return hash_bytes(hash, open->path.data, open->path.size);
}

static uint64_t hash_inode(const struct witness_book *book, const struct book_open *open)
{
	uint64_t key[3] = {open->pid, open->device, open->inode};

	return hash_bytes(book->secret, key, sizeof(key));
}

void witness_book_init(struct witness_book *book)
{
	*book = (struct witness_book){0};
	/* Fails on no kernel that has BPF; zero would still be right, only less secret. */
	(void)!getrandom(&book->secret, sizeof(book->secret), 0);
}

void witness_book_release(struct witness_book *book)
{
	for (size_t i = 0; i < book->waiting_count; i++)
		free(book->waiting[i].path);
	free(book->waiting);
	free(book->seen);
	free(book->seen_before);
	*book = (struct witness_book){0};
}

/* Where the hash is or would be. */
static uint64_t *slot_of(uint64_t *table, uint64_t hash)
{
	size_t at = hash % SLOTS;

	while (table[at] && table[at] != hash)
		at = (at + 1) % SLOTS;
	return &table[at];
}

/* A table that is full becomes the older one, whose content is forgotten then. */
static void remember(struct witness_book *book, uint64_t hash)
{
	uint64_t *slot;

	if (book->seen_count == BOOK_SEEN_MAX) {
		free(book->seen_before);
		book->seen_before = book->seen;
		book->seen = xcalloc(SLOTS, sizeof(*book->seen));
		book->seen_count = 0;
	}
	slot = slot_of(book->seen, hash);
	if (*slot)
		return;
	*slot = hash;
	book->seen_count++;
}

void witness_book_seen(struct witness_book *book, const struct book_open *open)
{
	if (!book->seen)
		book->seen = xcalloc(SLOTS, sizeof(*book->seen));
	remember(book, hash_path(book, open));
	remember(book, hash_inode(book, open));
}

static bool knows(const struct witness_book *book, uint64_t hash)
{
	return (book->seen && *slot_of(book->seen, hash)) ||
	       (book->seen_before && *slot_of(book->seen_before, hash));
}

bool witness_book_knows_file(const struct witness_book *book, const struct book_open *open)
{
	return knows(book, hash_inode(book, open));
}

static bool is_seen(const struct witness_book *book, const struct book_open *open)
{
	return knows(book, hash_path(book, open)) || witness_book_knows_file(book, open);
}

bool witness_book_wait(struct witness_book *book, const struct book_open *open)
{
	struct book_entry *entry;

	if (is_seen(book, open))
		return true;
	if (book->waiting_count == BOOK_WAITING_MAX)
		return false;
	if (!book->waiting)
		book->waiting = xcalloc(BOOK_WAITING_MAX, sizeof(*book->waiting));
	entry = &book->waiting[book->waiting_count++];
	*entry = (struct book_entry){
	        .pid = open->pid,
	        .device = open->device,
	        .inode = open->inode,
	        .path = copy_of(open->path),
	        .size = open->path.size,
	};
	return true;
}

void witness_book_turn(struct witness_book *book,
                       void (*on_unseen)(void *ctx, const struct book_open *open), void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < book->waiting_count; i++) {
		struct book_entry entry = book->waiting[i];
		struct book_open open = {entry.pid, entry.device, entry.inode,
		                         view_of(entry.path, entry.size)};

		if (!entry.ripe) {
			entry.ripe = true;
			book->waiting[kept++] = entry;
			continue;
		}
		if (!is_seen(book, &open)) {
			witness_book_seen(book, &open);
			on_unseen(ctx, &open);
		}
		free(entry.path);
	}
	book->waiting_count = kept;
}
