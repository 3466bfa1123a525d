// SPDX-License-Identifier: Apache-2.0
/*
 * Which package a process acts for. npm's own word, from the environment that it gives to lifecycle
 * scripts, goes first; else the folder below node_modules in which the program, script or first
 * argument lies. Whatever descends from it acts for the same package: what a package says later in
 * the environment of its own children does not count.
 */
#ifndef FANGS_SENSOR_PROCESS_PACKAGE_H
#define FANGS_SENSOR_PROCESS_PACKAGE_H

#include "process_tree.h"

enum { PACKAGE_NAME_MAX = 214, PACKAGE_NAMES_MAX = 4096 }; /* of npm; of a run */

/* "left-pad" of ".../node_modules/left-pad/index.js", "@scope/name"; of nested ones the innermost.
 * Empty when there is none. */
struct view package_of_path(struct view path);

/* The name for a process that has executed `exec` and has none yet; borrowed from `exec`. */
struct view package_of_exec(const struct process_exec *exec);

/* A copy that lives as long as the tree; empty when that is full or the name is no name. */
struct view package_keep(struct process_tree *tree, struct view name);
void package_names_release(struct process_tree *tree);

#endif
