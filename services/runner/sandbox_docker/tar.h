// SPDX-License-Identifier: Apache-2.0
/* One-file tar archives: the form in which the Docker API takes and gives files. */
#ifndef FANGS_RUNNER_TAR_H
#define FANGS_RUNNER_TAR_H

#include <stdint.h>

#include "base/buf.h"
#include "base/view.h"

/* Appends a ustar archive that holds one regular file of root; `name` of at most 99 bytes. */
void tar_write_file(struct buf *out, const char *name, uint32_t mode, struct view content);

/* The content of the first regular file, a view into the archive; an empty view when there is none
 * or the archive is cut or malformed. */
struct view tar_first_file(struct view archive);

#endif
