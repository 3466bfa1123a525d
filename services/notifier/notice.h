// SPDX-License-Identifier: Apache-2.0
/* What a notification says: one run and all its deviations. Plain data, filled from the database
 * and rendered for the receiver. */
#ifndef FANGS_NOTIFIER_NOTICE_H
#define FANGS_NOTIFIER_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct finding {
	const char *id, *category, *value, *severity;
	int64_t evidence_event_id;
};

struct notice {
	const char *run_id, *package, *version;
	const char *state; /* of the run */
	bool is_baseline;
	const char *max_severity; /* "" when no finding has a known one */
	const struct finding *findings;
	size_t finding_count;
};

#endif
