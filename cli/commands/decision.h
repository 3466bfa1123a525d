// SPDX-License-Identifier: Apache-2.0
/* What a person decides is recorded with who and why. */
#ifndef FANGS_CLI_DECISION_H
#define FANGS_CLI_DECISION_H

#include "base/buf.h"

/* {"by":"$USER","note":"..."} into an initialised buffer; `note` may be NULL. */
void decision_write(struct buf *body, const char *note);
enum { DECISION_MAX_BYTES = 64 << 10 };

#endif
