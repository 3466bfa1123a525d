// SPDX-License-Identifier: Apache-2.0
#include "model/program.h"

static const char *const npm_scripts[] = {"npm", "npm-cli.js", "npx", "npx-cli.js"};
static const char *const system_folders[] = {"/bin/", "/usr/"};

struct view path_base_name(struct view path)
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	if (!slash)
		return path;
	return view_of(slash + 1, path.size - (size_t)(slash + 1 - path.data));
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

bool program_is_node(const struct program *program)
{
	struct view name = path_base_name(program->path);
	return view_is(name, "node") || view_is(name, "nodejs");
}

static bool is_code_option(struct view argument)
{
	static const char *const options[] = {"-e", "-p", "-pe", "--eval", "--print"};
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (view_is(argument, options[i]))
			return true;
	return false;
}

/* Empty: none, as where the code is an argument. */
static struct view node_script(const struct program *program)
{
	for (size_t i = 1; i < program->argc && !is_code_option(program->argv[i]); i++)
		if (program->argv[i].size && program->argv[i].data[0] != '-')
			return program->argv[i];
	return (struct view){0};
}

bool program_is_npm(const struct program *program)
{
	struct view script = program_is_node(program) ? node_script(program) : (struct view){0};
	for (size_t i = 0; i < sizeof(npm_scripts) / sizeof(*npm_scripts); i++)
		if (script.size && view_is(path_base_name(script), npm_scripts[i]))
			return true;
	return false;
}

bool program_is_installed_npm(const struct program *program)
{
	return program_is_npm(program) && in_system_folder(program->path) &&
	       in_system_folder(node_script(program));
}

bool program_is_npm_tool(const struct program *program)
{
	struct view name = path_base_name(program->path);
	return !program->script.size && in_system_folder(program->path) &&
	       !contains(program->path, "/node_modules/") &&
	       (view_starts_with(name, VIEW_LITERAL("git")) || view_is(name, "ssh"));
}

bool program_is_of_package(const struct program *program)
{
	struct view file = program->argc > 1 ? program->argv[1] : (struct view){0};
	return contains(program->path, "/node_modules/") ||
	       contains(program->script, "/node_modules/") ||
	       (contains(file, "node_modules/") && !contains(file, " "));
}
