// SPDX-License-Identifier: Apache-2.0
/*
 * The sender: workers that claim deliveries which are due, POST them, and record each attempt. A
 * claim runs out by itself, so that what a dead notifier had in hand is sent by another one; the
 * stable webhook id lets receivers drop the rare duplicate of that.
 */
#ifndef FANGS_NOTIFIER_SENDER_H
#define FANGS_NOTIFIER_SENDER_H

#include "db/db.h"
#include "notifier.h"
#include "service/service.h"

struct sender;

/* All pointers are borrowed. */
struct sender *sender_start(const struct notifier_config *config, struct service *service,
                            struct db *db, struct error *err);
void sender_wake(struct sender *sender); /* something may be due */
void sender_stop(struct sender *sender); /* after the attempts in flight; accepts NULL */

#endif
