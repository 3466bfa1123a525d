// SPDX-License-Identifier: Apache-2.0
/*
 * One POST to a target: headers, signature, answer, and what the answer means for further attempts.
 * Redirects are not followed: they could lead from a checked URL into the operator's own network.
 */
#ifndef FANGS_NOTIFIER_WEBHOOK_H
#define FANGS_NOTIFIER_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/view.h"
#include "http/http_client.h"

enum webhook_status {
	WEBHOOK_SENT,
	WEBHOOK_FAILED,    /* may succeed later */
	WEBHOOK_PERMANENT, /* will not */
};
const char *webhook_status_name(enum webhook_status status); /* as the history stores it; static */

struct webhook {
	const char *url;
	const char *headers;    /* JSON object of strings; "" for none, anything else is ignored */
	const char *secret_env; /* environment variable with the signing secret; "" for none */
	bool is_signed;         /* the template's receivers check signatures */
	const char *id;         /* stable over attempts */
	struct view body;
	int64_t timeout_ms;
};

struct webhook_outcome {
	enum webhook_status status;
	long response_code;        /* 0: no answer */
	const char *response_body; /* its beginning, storable text; lives in the arena */
	const char *error;         /* "" when sent */
};

void webhook_send(struct http_client *client, const struct webhook *webhook, struct arena *arena,
                  struct webhook_outcome *ret);

/* What an answer's status means. */
enum webhook_status webhook_classify(long response_code);

/* The user agent by which receivers know FANGS. */
extern const char webhook_user_agent[];

#endif
