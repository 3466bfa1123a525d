// SPDX-License-Identifier: Apache-2.0
/*
 * What makes a fingerprint worse than its category: what it is, where it is, and what else the same
 * tree of processes did. Each fingerprint of a run has at most one, the first that was found.
 *
 * Numbers stand in `run_sightings`.
 */
#ifndef FANGS_DIFFER_MARKS_H
#define FANGS_DIFFER_MARKS_H

#include <stdbool.h>

#include "base/view.h"
#include "cidr.h"
#include "model/severity.h"

enum mark {
	MARK_NONE,
	MARK_CREDENTIAL,       /* of a path: a secret */
	MARK_STARTED,          /* written, and started by something else later on */
	MARK_HOME,             /* written into somebody's home, no cache */
	MARK_SYSTEM,           /* written into a folder of the system */
	MARK_DROPPED,          /* executed, after package code wrote it */
	MARK_MEMORY,           /* executed from memory */
	MARK_REGISTRY,         /* where npm itself connects to */
	MARK_METADATA,         /* the cloud's metadata service */
	MARK_NAMELESS,         /* an address of the internet that no name led to */
	MARK_UNNAMED_CONTENT,  /* of a content network, neither DNS nor TLS said a name */
	MARK_AFTER_CREDENTIAL, /* its tree has read a credential */
	MARK_AFTER_CONNECT,    /* executed by a tree that has connected to somewhere */
	MARK_EXECUTED,         /* written, and executed by package code later on */
	MARK_MANIFEST,         /* a package's package.json, changed by package code */
	MARK_BYPASS,           /* a way into the kernel around what is watched */
	MARK_PROCESS,          /* into another process's memory or descriptors */
	MARK_CONTROL,          /* a socket whose owner does as it is told */
	MARK_HIDDEN,           /* TLS that hides which host it is for */
	MARK_PROBE,            /* a credential, of which only the name was asked for */
	MARK_FIRST_CODE,       /* the package's installation ran no code of a package before */
	MARK_COUNT,
};

/* Of paths, as they were seen, and of addresses. `names_known`: the sensor would have told. */
enum mark mark_of_written(struct view path);
enum mark mark_of_address(const struct ip *ip, bool names_known);

/* What is worse in itself stays what it is. */
enum mark mark_with_code(enum mark mark, bool first_code);

/* INFO for MARK_NONE. */
enum severity mark_severity(enum mark mark);
/* Continues a sentence: ", which ..."; "" for MARK_NONE. */
const char *mark_reason(enum mark mark);

#endif
