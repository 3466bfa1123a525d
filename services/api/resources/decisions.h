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

/* What is decided about; "" for what it has not. */
struct decision_subject {
	const char *run_id, *package, *category, *value, *deviation_id;
};
/* Within the transaction that does what was decided. */
int decisions_record(struct db_conn *conn, const char *word, const struct decision_subject *subject,
                     const struct baseline_decision *decision, struct error *err);

/* What the functions of model/baseline.h refused: -ENOENT 404, -EINVAL 409, else as
 * failure_reply(). */
void decisions_reply_failure(struct api *api, struct http_request *request, int rc,
                             const struct error *err);

#endif
