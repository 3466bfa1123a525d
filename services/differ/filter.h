// SPDX-License-Identifier: Apache-2.0
/*
 * What is not reported: addresses of the built-in ranges of large content networks, and whatever a
 * person allowed (table `allowlists`: kinds cidr, path, sni; for all packages or for one).
 *
 * A filter is built once, row by row, and then only asked; it is replaced as a whole when the rows
 * changed. Paths are compared by prefix with the normalized path, reads and writes alike; hosts by
 * equality, trimmed and in lower case.
 */
#ifndef FANGS_DIFFER_FILTER_H
#define FANGS_DIFFER_FILTER_H

#include <locale.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/view.h"
#include "cidr.h"

struct filter;
struct filter_rules; /* of one package */

struct filter *filter_create(void); /* the built-in ranges only */
void filter_destroy(struct filter *filter);

/* Adds a row; `package` NULL: for all packages. DROP when the value is no valid one of its kind:
 * the row is left out. */
int filter_add(struct filter *filter, locale_t locale, const char *package, const char *kind,
               const char *value, struct error *err);

/* A package's own rules, borrowed; NULL when it has none. */
const struct filter_rules *filter_package(const struct filter *filter, const char *package);

/* `own` may be NULL. */
bool filter_hides_address(const struct filter *filter, const struct filter_rules *own,
                          const struct ip *ip);
bool filter_hides_path(const struct filter *filter, const struct filter_rules *own,
                       struct view normalized);
bool filter_hides_host(const struct filter *filter, const struct filter_rules *own,
                       struct view lower_case);

#endif
