// SPDX-License-Identifier: Apache-2.0
#include "process_package.h"

#include <stdlib.h>

#include "base/alloc.h"

struct package_name {
	struct package_name *next;
	size_t size;
	char text[];
};

static struct view first_part(struct view path)
{
	const char *end = path.size ? memchr(path.data, '/', path.size) : NULL;

	return end ? view_of(path.data, (size_t)(end - path.data)) : path;
}

struct view package_of_path(struct view path)
{
	static const char folder[] = "node_modules/";
	const size_t size = sizeof(folder) - 1;
	struct view name = {0};

	for (size_t at = 0; at + size < path.size; at++) {
		struct view rest;

		if ((at > 0 && path.data[at - 1] != '/') ||
		    memcmp(path.data + at, folder, size) != 0)
			continue;
		rest = view_of(path.data + at + size, path.size - at - size);
		name = first_part(rest);
		if (!name.size || name.data[0] != '@' || name.size == rest.size)
			continue;
		rest = view_of(rest.data + name.size + 1, rest.size - name.size - 1);
		name.size += 1 + first_part(rest).size;
	}
	return name;
}

struct view package_of_exec(const struct process_exec *exec)
{
	const struct view paths[] = {exec->script, exec->path,
	                             exec->argc > 1 ? exec->argv[1] : (struct view){0}};

	if (exec->package.size)
		return exec->package;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct view name = package_of_path(paths[i]);

		/* node_modules/.bin/x is a link; what it leads to has the name. */
		if (name.size && name.data[0] != '.')
			return name;
	}
	return (struct view){0};
}

struct view package_keep(struct process_tree *tree, struct view name)
{
	struct package_name *kept;

	if (!name.size || name.size > PACKAGE_NAME_MAX)
		return (struct view){0};
	for (kept = tree->package_names; kept; kept = kept->next)
		if (view_equal(view_of(kept->text, kept->size), name))
			return view_of(kept->text, kept->size);
	if (tree->package_name_count == PACKAGE_NAMES_MAX)
		return (struct view){0};
	kept = xmalloc(sizeof(*kept) + name.size);
	kept->next = tree->package_names;
	kept->size = name.size;
	memcpy(kept->text, name.data, name.size);
	tree->package_names = kept;
	tree->package_name_count++;
	return view_of(kept->text, kept->size);
}

void package_names_release(struct process_tree *tree)
{
	while (tree->package_names) {
		struct package_name *next = tree->package_names->next;

		free(tree->package_names);
		tree->package_names = next;
	}
}
