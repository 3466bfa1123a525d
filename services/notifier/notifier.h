// SPDX-License-Identifier: Apache-2.0
/*
 * The notifier: a verdict on the bus becomes one delivery per matching target in the database
 * (verdicts.h), and a few workers send what is due (sender.h). The database is the queue, so that
 * deliveries survive whatever dies, and any number of notifiers may work at once.
 */
#ifndef FANGS_NOTIFIER_NOTIFIER_H
#define FANGS_NOTIFIER_NOTIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct notifier_config {
	char *file; /* JSON file with targets to upsert at start; "": none */
	int64_t attempts;
	int64_t backoff_ms, backoff_max_ms;
	int64_t timeout_ms; /* of one attempt */
	int64_t parallel;
};
extern const struct config_option notifier_options[]; /* fills struct notifier_config */
extern const size_t notifier_option_count;

#endif
