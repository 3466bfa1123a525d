// SPDX-License-Identifier: Apache-2.0
/*
 * What a program is in the installation of a package, by its path and arguments alone. Whose child
 * it is, and so on whose behalf it acts, decides who asks: the runner's sensor, and the differ for
 * runners that do not say it.
 */
#ifndef FANGS_MODEL_PROGRAM_H
#define FANGS_MODEL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

struct program {
	struct view path;
	struct view
	        script; /* that `path` interprets by its first line; empty: none, or not known */
	const struct view *argv;
	size_t argc;
};

/* What stands behind the last slash. */
struct view path_base_name(struct view path);

bool program_is_node(const struct program *program);

/* npm or npx: node with their script as its first argument that is no option. */
bool program_is_npm(const struct program *program);

/* The same, where both are the installed ones, in the system's folders. */
bool program_is_installed_npm(const struct program *program);

/* What npm runs for itself: git with its helpers, and ssh, from the system's folders. */
bool program_is_npm_tool(const struct program *program);

/* The program, or the file that an interpreter runs, is a package's. A shell's command text, which
 * has blanks, may only mention one. */
bool program_is_of_package(const struct program *program);

#endif
