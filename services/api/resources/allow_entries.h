// SPDX-License-Identifier: Apache-2.0
/*
 * What never deviates: entries of the kinds that the existing CLI knows, in the table `allowlists`
 * as that CLI writes them, and of others in `allow_rules`.
 */
#ifndef FANGS_API_ALLOW_ENTRIES_H
#define FANGS_API_ALLOW_ENTRIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"
#include "resources/decisions.h"
#include "json/json_writer.h"

struct allow_entry {
	const char *kind, *value, *note;
	const char *by;      /* "": nobody said */
	const char *package; /* NULL: for all packages */
};

enum { ALLOW_VALUE_MAX = 2048 }; /* characters */

/* Body of a POST; DROP with what is wrong. A host's name is put into lower case. */
int allow_entry_read(struct view text, struct arena *arena, struct allow_entry *ret,
                     struct error *err);

/* Checks kind, value and package, and puts a host's name into lower case. DROP with what is wrong.
 */
int allow_entry_check(struct allow_entry *entry, struct arena *arena, struct error *err);

/* Whether it holds for a deviation: as the differ compares them (services/differ/filter.h). */
bool allow_entry_covers(const struct allow_entry *entry, const char *category, const char *value);

/* What allows no more than a deviation: kind and value, in the arena. */
void allow_entry_of_deviation(const char *category, const char *value, struct arena *arena,
                              struct allow_entry *ret);

/* Adds one, within a transaction; the decision is recorded with `subject` (deviation and run may be
 * ""). Fills `ret_id`. 1, or 0 when there is an equal one. */
enum { ALLOW_ENTRY_ID_SIZE = 17 };
int allow_entry_add(struct db_conn *conn, const struct allow_entry *entry,
                    const struct decision_subject *subject, char ret_id[ALLOW_ENTRY_ID_SIZE],
                    struct error *err);

/* The members of an entry, into an open object. */
void allow_entry_write(struct json_writer *w, const struct allow_entry *entry, const char *id);

#endif
