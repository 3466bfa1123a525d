// SPDX-License-Identifier: Apache-2.0
/*
 * What is not reported: named destinations in the built-in ranges of large content networks, and
 * whatever a person allowed, for all packages or for one (`allowlists`, kinds cidr, path, sni;
 * `allow_rules`, kinds path_read, path_write, dns, exec).
 *
 * A filter is built once, entry by entry, and then only asked; it is replaced as a whole when the
 * entries changed. Paths are compared by prefix with the normalized path; hosts and names by
 * equality, trimmed and in lower case, or by what is below them when the entry begins with a dot;
 * programs by equality, or by what is below them when the entry ends in a slash.
 */
#ifndef FANGS_DIFFER_FILTER_H
#define FANGS_DIFFER_FILTER_H

#include <locale.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/view.h"
#include "cidr.h"
#include "model/severity.h"

struct filter;
struct filter_rules; /* of one package */

struct filter *filter_create(void); /* knows the built-in ranges only */
void filter_destroy(struct filter *filter);

struct filter_entry {
	const char *id;
	const char *package; /* NULL: for all packages */
	const char *kind, *value;
};
/* Copies the entry. DROP when the value is no valid one of its kind: the entry is left out. */
int filter_add(struct filter *filter, locale_t locale, const struct filter_entry *entry,
               struct error *err);

/* A package's own rules, borrowed; NULL when it has none. */
const struct filter_rules *filter_package(const struct filter *filter, const char *package);

/* In a built-in range: not reported where a name was recorded for it. */
bool filter_is_content_network(const struct filter *filter, const struct ip *ip);

/* While events are looked at. `own` may be NULL. */
bool filter_hides_address(const struct filter *filter, const struct filter_rules *own,
                          const struct ip *ip);
/* Of destinations: those that are known by name. */
bool filter_hides_text(const struct filter *filter, const struct filter_rules *own,
                       enum category category, struct view value);

/* Afterwards: the id of the entry that allows a fingerprint, the package's own first, or NULL. It
 * is borrowed. The built-in ranges are no entries. */
const char *filter_entry_of(const struct filter *filter, const struct filter_rules *own,
                            enum category category, struct view value);

#endif
