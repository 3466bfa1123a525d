// SPDX-License-Identifier: Apache-2.0
/*
 * The notifiers file: targets that the operator keeps in a file instead of (or beside) the
 * database. An array of entries, or an object with the key "notifiers" (compat 7.4). It is read at
 * start; its entries are added or changed, nothing is removed. The whole file is checked before
 * anything is written.
 */
#ifndef FANGS_NOTIFIER_TARGETS_FILE_H
#define FANGS_NOTIFIER_TARGETS_FILE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"
#include "db/db.h"
#include "queries.h"

struct targets {
	struct target *items;
	size_t count;
};

/* Checks and decodes the text of a file; `name` is for the sentence, which counts entries from 1.
 * Strings live in the arena. -EINVAL (FATAL) on anything wrong. */
int targets_read(const char *name, struct view json, struct arena *arena, struct targets *ret,
                 struct error *err);

/* Reads the file and upserts its targets in one transaction. */
int targets_file_apply(struct db *db, const char *path, struct error *err);

#endif
