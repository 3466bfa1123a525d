// SPDX-License-Identifier: Apache-2.0
/*
 * What an event means: its category, who did it, and the value that is compared with the baseline.
 *
 *   file_access  path, normalized; write if O_WRONLY, O_RDWR or O_CREAT is set, else read
 *   exec         path of the program, trailing NULs and white space trimmed
 *   net_connect  "<ip>:<port>", IPv6 without brackets
 *   dns_query    name, trimmed, lower case, without one trailing dot
 *   tls_sni      host, trimmed, lower case
 *
 * Events with an empty value, of other types, and those which the filter hides have no fingerprint.
 */
#ifndef FANGS_DIFFER_FINGERPRINT_H
#define FANGS_DIFFER_FINGERPRINT_H

#include <locale.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"
#include "filter.h"
#include "model/event.h"
#include "model/severity.h"
#include "normalize.h"

/* Values are keys of tables, and an index entry of PostgreSQL holds 2.7 kB. A longer value keeps
 * its beginning and ends in "...sha256:<32 hex>" of the whole. */
enum { FINGERPRINT_VALUE_MAX = 2000 };

struct fingerprint {
	enum category category;
	enum actor actor;
	struct view value;
	/* What the existing CLI computes for the same event; equals `value` for almost all. */
	struct view compatible;
	bool cred; /* the path is tagged as a credential */
};

/* Working memory; results borrow from it until the next use. */
struct fingerprinter {
	locale_t locale; /* owned */
	struct normalizer normalizer;
	struct buf clean, folded, bounded[2];
};

int fingerprinter_init(struct fingerprinter *fingerprinter, struct error *err);
void fingerprinter_release(struct fingerprinter *fingerprinter);

/* False: the event has no fingerprint. `own` are the package's filter rules, or NULL. */
bool fingerprint_of(struct fingerprinter *fingerprinter, const struct event *event,
                    const struct filter *filter, const struct filter_rules *own,
                    struct fingerprint *ret);

#endif
