// SPDX-License-Identifier: Apache-2.0
/*
 * The JSON messages of the topics that people and SIEMs read: `releases` (keyed by package) and
 * `deviations` (keyed by package; two types, told apart by "type": "deviation", sent as soon as it
 * is found, and "verdict", sent once when the run is judged). docs/topics.md describes them.
 */
#ifndef FANGS_MODEL_MESSAGES_H
#define FANGS_MODEL_MESSAGES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"

struct release_message {
	const char *package, *version, *tarball_url, *shasum, *integrity, *previous_version;
	int64_t published_at_ns, discovered_at_ns;
};

struct deviation_message {
	const char *id, *run_id, *package, *version, *category, *value, *severity, *actor, *reason,
	        *process, *command;
	uint32_t tree; /* of processes; not in the message */
	int64_t evidence_event_id;
	int64_t detected_at_ns;
};

struct verdict_message {
	const char *run_id, *package, *version;
	const char *verdict;      /* seeded, clean, deviates, incomplete, none */
	const char *max_severity; /* "" without deviations */
	int64_t deviation_count;
	bool complete;
	int64_t judged_at_ns;
};

void release_message_write(struct buf *out, const struct release_message *message);
int release_message_read(struct view json, struct arena *arena, struct release_message *ret,
                         struct error *err);

enum deviations_type { DEVIATIONS_DEVIATION, DEVIATIONS_VERDICT };
void deviation_message_write(struct buf *out, const struct deviation_message *message);
void verdict_message_write(struct buf *out, const struct verdict_message *message);
/* Tells the type and fills the one of the two. */
int deviations_message_read(struct view json, struct arena *arena, enum deviations_type *ret_type,
                            struct deviation_message *ret_deviation,
                            struct verdict_message *ret_verdict, struct error *err);

#endif
