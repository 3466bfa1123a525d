// SPDX-License-Identifier: Apache-2.0
/*
 * Text of strangers inside messages that people read: deviation values are chosen by whoever wrote
 * the scanned package, and must neither leave the place where they are put nor exceed it.
 */
#ifndef FANGS_NOTIFIER_TEXT_H
#define FANGS_NOTIFIER_TEXT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"

enum text_style {
	TEXT_PLAIN, /* control characters become spaces */
	TEXT_CODE,  /* also: within `...`, which a backtick would end */
	/* Slack's mrkdwn, where & < > begin entities, links and mentions. */
	TEXT_SLACK,
	TEXT_SLACK_CODE,
};

/* Appends at most `max_bytes` of the source text, whole characters only, and "…" if it was cut. */
void text_append(struct buf *out, struct view text, size_t max_bytes, enum text_style style);

#endif
