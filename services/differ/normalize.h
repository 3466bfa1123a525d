// SPDX-License-Identifier: Apache-2.0
/*
 * The eight path rules of the existing system, byte for byte: what it stores in
 * `baseline_fingerprints`, and what its CLI computes again when a person promotes a run. They must
 * never change. They fold by looks, wherever a name is, and what they leave may match again: so
 * they are only the second name of a fingerprint, and what we compare is fingerprint.h.
 *
 *   1  ^/proc/[0-9]+(/|$)                                                      /proc/<PID>$1
 *   2  ^/tmp/[a-zA-Z0-9._-]*-[0-9]{3,}([a-zA-Z0-9._-]*)                        /tmp/<RAND>
 *   3  /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9_]+Z-debug-[0-9]+\.log$   /<TIMESTAMP>-debug-<N>.log
 *   4  /[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-zA-Z]+)$                               /<DATE>$1
 *   5  (/\.npm/_cacache/[^/]+/[a-zA-Z0-9]+)/[a-f0-9]{2}/[a-f0-9]{2}/[a-f0-9]+  $1/<SHA256>
 *   6  (/\.npm/_cacache/index-[^/]+)/[a-f0-9]{2}/[a-f0-9]{2}/[a-f0-9]+         $1/<HASH>
 *   7  (/\.npm/_cacache/tmp)/[a-f0-9]+                                         $1/<HEX>
 *   8  /[a-f0-9]{12,}(/|$)                                                     /<HEX>$1
 *
 * In this order, each replacing all matches that do not overlap, leftmost first, greedy, `$` only
 * at the end of the text. The matchers are written by hand: in each rule every repetition ends at a
 * character that it cannot hold itself, so none of them needs to backtrack.
 *
 * Most paths match nothing and are returned as they came, without a copy.
 */
#ifndef FANGS_DIFFER_NORMALIZE_H
#define FANGS_DIFFER_NORMALIZE_H

#include "base/buf.h"
#include "base/view.h"

struct normalizer {
	struct buf buffers[2]; /* what one rule wrote, the next one reads */
};

void normalizer_init(struct normalizer *normalizer);
void normalizer_release(struct normalizer *normalizer);

/* `path` is valid UTF-8. The result borrows from `path` or from the normalizer, until its next
 * use. */
struct view normalize_path(struct normalizer *normalizer, struct view path);

#endif
