// SPDX-License-Identifier: Apache-2.0
/*
 * Names and versions of npm packages. Both end up in a shell command (job.h), so what is accepted
 * holds letters, digits and - . _ + / @ only, and cannot be taken for an option.
 */
#ifndef FANGS_MODEL_PACKAGE_H
#define FANGS_MODEL_PACKAGE_H

#include <stdbool.h>

enum { PACKAGE_NAME_MAX = 214, PACKAGE_VERSION_MAX = 256 };

/* npm's rules for published names (upper case, which old packages have, included), scoped or not.
 */
bool package_name_valid(const char *name);

/* A semantic version: "1.2.3", "1.2.3-rc.1", "1.2.3+build". */
bool package_version_valid(const char *version);

#endif
