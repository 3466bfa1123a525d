// SPDX-License-Identifier: Apache-2.0
/*
 * One attempt at one delivery, from the claimed row to the recorded outcome. The attempt's row in
 * the history and the delivery's new state are one transaction.
 */
#ifndef FANGS_NOTIFIER_DELIVERING_H
#define FANGS_NOTIFIER_DELIVERING_H

#include "base/arena.h"
#include "db/db.h"
#include "http/http_client.h"
#include "notifier.h"
#include "queries.h"
#include "webhook.h"

/* Renders if nothing was rendered yet, sends, and records. `*ret` tells how the attempt ended.
 * Returns 0, or a negative errno when the outcome could not be recorded; the claim runs out then
 * and the attempt is made again. */
int deliver(struct db *db, const struct notifier_config *config, struct http_client *client,
            struct delivery *delivery, struct arena *arena, struct webhook_outcome *ret,
            struct error *err);

#endif
