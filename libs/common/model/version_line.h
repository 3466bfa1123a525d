// SPDX-License-Identifier: Apache-2.0
/*
 * Lines of a package's versions, as numbers: versions of one line have the same number, and a
 * higher line a higher one. A line is a major version, and below 1.0.0 a minor one, because that is
 * what `^` ranges keep to.
 */
#ifndef FANGS_MODEL_VERSION_LINE_H
#define FANGS_MODEL_VERSION_LINE_H

#include <stdint.h>

#define VERSION_LINE_ANY INT64_MAX /* of what is no version: at the end of all lines */

int64_t version_line(const char *version);

#endif
