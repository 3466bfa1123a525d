// SPDX-License-Identifier: Apache-2.0
/* Webhooks that are told of verdicts. */
#ifndef FANGS_API_NOTIFIERS_H
#define FANGS_API_NOTIFIERS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"

struct notifier {
	const char *name, *url, *template, *secret_env, *headers, *min_severity;
	bool enabled;
};

/* Body of a PUT; DROP with what is wrong. `headers` is JSON text or "". */
int notifier_read(struct view text, const char *name, struct arena *arena, struct notifier *ret,
                  struct error *err);

#endif
