// SPDX-License-Identifier: Apache-2.0
/* What never deviates: entries of the table `allowlists`, as the existing CLI writes them. */
#ifndef FANGS_API_ALLOW_ENTRIES_H
#define FANGS_API_ALLOW_ENTRIES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"

struct allow_entry {
	const char *kind, *value, *note;
	const char *package; /* NULL: for all packages */
};

/* Body of a POST; DROP with what is wrong. A host's name is put into lower case. */
int allow_entry_read(struct view text, struct arena *arena, struct allow_entry *ret,
                     struct error *err);

#endif
