// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies of notifications: one template per kind of receiver, in one table. All are JSON, byte for
 * byte what receivers of the existing system get, apart from what is escaped or cut so that a
 * hostile value cannot forge parts of the message or make the receiver refuse it.
 */
#ifndef FANGS_NOTIFIER_RENDER_H
#define FANGS_NOTIFIER_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"
#include "notice.h"

struct template
{
	const char *name;
	bool is_signed; /* the receiver is a program of the user, which can check a signature */
	void (*render)(const struct notice *notice, struct buf *out);
};

/* NULL when there is none of this name. */
const struct template *template_find(const char *name);

/* The templates, for the table. Overflow shows in `out`. */
void render_generic(const struct notice *notice, struct buf *out);
void render_slack(const struct notice *notice, struct buf *out);
void render_discord(const struct notice *notice, struct buf *out);

/* Words that templates share. */
const char *findings_word(const struct notice *notice); /* "finding" or "findings" */
struct view short_run_id(const struct notice *notice);  /* as the command line shows it */

#endif
