// SPDX-License-Identifier: Apache-2.0
/*
 * What an event means: its category, who did it, and the value that is compared with the baseline.
 *
 *   file_access  path; write if O_WRONLY, O_RDWR or O_CREAT is set, else read
 *   exec         path of the program, trailing NULs and white space trimmed
 *   net_connect  "<name>:<port>" with the DNS name that led to the address, else "<ip>:<port>"
 *                (IPv6 without brackets); "<resolver>:53" for a resolver that npm uses, too; where
 *                it is another interface of the kernel, that one: "<raw:1>", "<packet>"
 *   dns_query    name, trimmed, lower case, without one trailing dot; "<unreadable>"
 *   tls_sni      host, trimmed, lower case; "<unnamed>", "<unreadable>", "<ech:front>"
 *
 * Paths, by who has to do with them:
 *
 *   unknown  as the eight rules of normalize.h leave them
 *   manager  credentials, and what is written outside of npm's own places, in full. What it unpacks
 *            is "<name>", one for each package. The rest is no behaviour.
 *   package  written ones in full, named "<name>/dist/x.js" in a package's folder and "<.>/x"
 *            elsewhere below the install root; read ones likewise, but "<name>" for all files of a
 *            package. "stat:<path>" of a credential that was looked for.
 *
 * But of `unknown`, nothing is folded by its looks; the ids in /proc/<PID>/task/<TID> are.
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
#include "marks.h"
#include "model/event.h"
#include "model/severity.h"
#include "normalize.h"
#include "run_context.h"

/* Values are keys of tables, and an index entry of PostgreSQL holds 2.7 kB. A longer value keeps
 * its beginning and ends in "...sha256:<32 hex>" of the whole. */
enum { FINGERPRINT_VALUE_MAX = 2000 };

struct fingerprint {
	enum category category;
	enum actor actor;
	struct view value;
	/* What the existing CLI computes for the same event; equals `value` for almost all. */
	struct view compatible;
	bool cred;      /* the path is tagged as a credential, or known to be one */
	enum mark mark; /* what the value alone says about it */
	/* A connect to a large content network without a DNS name. It is to wait for a TLS host. */
	bool unnamed;
};

/* Working memory; results borrow from it until the next use. */
struct fingerprinter {
	locale_t locale; /* owned */
	struct normalizer normalizer;
	struct buf clean, folded, named, compatible, bounded[2];
};

int fingerprinter_init(struct fingerprinter *fingerprinter, struct error *err);
void fingerprinter_release(struct fingerprinter *fingerprinter);

/* False: the event has no fingerprint. `context` is of that very event. `own` are the package's
 * filter rules, or NULL. */
bool fingerprint_of(struct fingerprinter *fingerprinter, const struct event *event,
                    const struct event_context *context, const struct filter *filter,
                    const struct filter_rules *own, struct fingerprint *ret);

/* Of a connect that waited in vain. */
void fingerprint_of_waiting(struct fingerprinter *fingerprinter,
                            const struct waiting_connect *connect, struct fingerprint *ret);

/* The value of a path that was written by code of a package, as fingerprint_of() has it. */
struct view fingerprint_written_path(struct fingerprinter *fingerprinter, struct view path,
                                     struct view root);

#endif
