// SPDX-License-Identifier: Apache-2.0
/*
 * Random names that the eight rules of normalize.h leave in: recognized by the place where the
 * package manager makes them, never by looking random, and only for what the package manager did
 * itself. Whatever else writes into the same places keeps its full detail.
 */
#ifndef FANGS_DIFFER_FOLD_H
#define FANGS_DIFFER_FOLD_H

#include "base/buf.h"
#include "base/view.h"
#include "model/event.h"

/* `path` as normalize_path() left it. The result is `path` itself, or is in `out`. What a runner
 * that cannot tell actors reports (ACTOR_UNKNOWN) may be of package code and stays as it is. */
struct view fold_path(struct view path, enum actor actor, struct buf *out);

#endif
