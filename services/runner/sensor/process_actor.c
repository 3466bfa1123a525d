// SPDX-License-Identifier: Apache-2.0
#include "process_actor.h"

#include "model/program.h"

/* Has npm above it, without code of a package in between. */
static bool is_below_npm(const struct process *process)
{
	for (const struct process *above = process->parent; above; above = above->parent)
		if (above->is_npm)
			return true;
	return false;
}

/* npm itself re-executed for a git dependency: only npm's direct children, only the installed
 * npm. */
static bool is_npm_again(const struct process *process, const struct program *program)
{
	return process->parent && process->parent->is_npm && program_is_installed_npm(program);
}

struct process_role process_role_after_exec(const struct process_tree *tree,
                                            const struct process *process,
                                            const struct process_exec *exec)
{
	const struct program program = {exec->path, exec->script, exec->argv, exec->argc};
	struct process_role role = {.actor = process->actor};

	if (process->actor == ACTOR_PACKAGE)
		return role;
	if (process->is_npm || is_below_npm(process)) {
		role.is_npm = is_npm_again(process, &program);
		role.actor = role.is_npm || program_is_npm_tool(&program) ? ACTOR_MANAGER
		                                                          : ACTOR_PACKAGE;
		return role;
	}
	if (program_is_npm(&program)) {
		role = (struct process_role){ACTOR_MANAGER, true, true};
	} else if (tree->command_actor == ACTOR_MANAGER &&
	           (program_is_node(&program) || program_is_of_package(&program))) {
		role.actor = ACTOR_PACKAGE;
	}
	return role;
}
