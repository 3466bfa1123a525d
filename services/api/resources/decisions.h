// SPDX-License-Identifier: Apache-2.0
/* What a person decides, about a run or a baseline: who and why is recorded. */
#ifndef FANGS_API_DECISIONS_H
#define FANGS_API_DECISIONS_H

#include "api.h"
#include "model/baseline.h"

enum { DECISION_BY_MAX = 256, DECISION_NOTE_MAX = 4096 };

/* The body's optional "by" and "note"; no body is as if neither were said. Who identified himself
 * is the one who decides, whatever "by" says. False when it was answered. */
bool decisions_read(struct http_request *request, struct baseline_decision *ret);

/* What the functions of model/baseline.h refused: -ENOENT 404, -EINVAL 409, else as
 * failure_reply(). */
void decisions_reply_failure(struct api *api, struct http_request *request, int rc,
                             const struct error *err);

#endif
