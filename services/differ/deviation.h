// SPDX-License-Identifier: Apache-2.0
/*
 * One deviation: a fingerprint of a run that its package's baseline does not know, with how serious
 * it is and why it is reported, in one sentence.
 *
 * Severities: what is done to a credential is crit; new destinations, names, hosts and programs are
 * warn; other paths are info. A mark (marks.h) raises that.
 */
#ifndef FANGS_DIFFER_DEVIATION_H
#define FANGS_DIFFER_DEVIATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "marks.h"
#include "model/event.h"
#include "model/messages.h"
#include "model/severity.h"

enum { DEVIATION_ID_SIZE = 33 };

struct deviation_source {
	const char *run_id, *package, *version;
	enum category category;
	enum actor actor;
	struct view value;
	bool cred;
	enum mark mark;
	int64_t evidence_event_id;
	const char *process; /* chain, may be "" */
	const char *command; /* its command line, may be "" */
	uint32_t tree;
	int64_t detected_at_ns;
};

/* The message is the deviation: the row has the same members. Strings live in the arena; `run_id`,
 * `package`, `version`, `process` and `command` are borrowed from the source. The id follows from
 * run, category, actor and value, so that finding it again gives the same one. */
void deviation_make(struct arena *arena, const struct deviation_source *source,
                    struct deviation_message *ret);

enum severity deviation_severity(enum category category, bool cred, enum mark mark);

/* The id of the deviation that a run's fingerprint is, if it is one. */
char *deviation_id(struct arena *arena, const char *run_id, enum category category,
                   enum actor actor, struct view value);

#endif
