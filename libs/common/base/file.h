// SPDX-License-Identifier: Apache-2.0
/* Whole small files. */
#ifndef FANGS_BASE_FILE_H
#define FANGS_BASE_FILE_H

#include "base/buf.h"
#include "base/error.h"

/* Appends the file's bytes to `out`; a file that does not fit its max is an error (EFBIG). The
 * sentence names the file. */
int file_read(const char *path, struct buf *out, struct error *err);

#endif
