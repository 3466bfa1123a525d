// SPDX-License-Identifier: Apache-2.0
#include "process_actor.h"

static const char *const npm_scripts[] = {"npm", "npm-cli.js", "npx", "npx-cli.js"};
static const char *const system_folders[] = {"/bin/", "/usr/"};

struct view path_base_name(struct view path)
{
	for (size_t i = path.size; i > 0; i--)
		if (path.data[i - 1] == '/')
			return view_of(path.data + i, path.size - i);
	return path;
}

static bool contains(struct view text, const char *part)
{
	return text.size && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static bool in_system_folder(struct view path)
{
	for (size_t i = 0; i < sizeof(system_folders) / sizeof(*system_folders); i++)
		if (view_starts_with(path, view_of_string(system_folders[i])))
			return true;
	return false;
}

static bool is_node(const struct process_exec *exec)
{
	struct view name = path_base_name(exec->path);

	return view_is(name, "node") || view_is(name, "nodejs");
}

/* The script that a node runs: its first argument that is no option. Empty: none, as with -e. */
static struct view node_script(const struct process_exec *exec)
{
	for (size_t i = 1; i < exec->argc; i++)
		if (exec->argv[i].size && exec->argv[i].data[0] != '-')
			return exec->argv[i];
	return (struct view){0};
}

static bool runs_npm(const struct process_exec *exec)
{
	struct view script = is_node(exec) ? node_script(exec) : (struct view){0};

	for (size_t i = 0; i < sizeof(npm_scripts) / sizeof(*npm_scripts); i++)
		if (script.size && view_is(path_base_name(script), npm_scripts[i]))
			return true;
	return false;
}

/* Programs that npm runs for itself: git and its helpers for git dependencies. */
static bool is_npm_tool(const struct process_exec *exec)
{
	struct view name = path_base_name(exec->path);

	return !exec->script.size && in_system_folder(exec->path) &&
	       (view_starts_with(name, VIEW_LITERAL("git")) || view_is(name, "ssh"));
}

/* Is the program, or the file that an interpreter runs, a package's? A shell's command text, which
 * has blanks, may only mention one. */
static bool names_node_modules(const struct process_exec *exec)
{
	struct view file = exec->argc > 1 ? exec->argv[1] : (struct view){0};

	return contains(exec->path, "/node_modules/") || contains(exec->script, "/node_modules/") ||
	       (contains(file, "node_modules/") && !contains(file, " "));
}

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
static bool is_npm_again(const struct process *process, const struct process_exec *exec)
{
	return process->parent && process->parent->is_npm && runs_npm(exec) &&
	       in_system_folder(exec->path) && in_system_folder(node_script(exec));
}

struct process_role process_role_after_exec(const struct process_tree *tree,
                                            const struct process *process,
                                            const struct process_exec *exec)
{
	struct process_role role = {.actor = process->actor};

	if (process->actor == ACTOR_PACKAGE)
		return role;
	if (process->is_npm || is_below_npm(process)) {
		role.is_npm = is_npm_again(process, exec);
		role.actor = role.is_npm || is_npm_tool(exec) ? ACTOR_MANAGER : ACTOR_PACKAGE;
		return role;
	}
	if (runs_npm(exec)) {
		role = (struct process_role){ACTOR_MANAGER, true, true};
	} else if (tree->command_actor == ACTOR_MANAGER &&
	           (is_node(exec) || names_node_modules(exec))) {
		role.actor = ACTOR_PACKAGE;
	}
	return role;
}
