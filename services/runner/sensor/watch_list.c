// SPDX-License-Identifier: Apache-2.0
#include "watch_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"

enum { WATCH_PREFIX_MAX = 256 };

#define PROC VIEW_LITERAL("/proc/")
#define PROC_SELF VIEW_LITERAL("/proc/self")
#define TASK VIEW_LITERAL("/task/")

static int entry_order(const void *a, const void *b)
{
	const struct watch_entry *x = a, *y = b;

	return (x->size < y->size) - (x->size > y->size);
}

int watch_list_init(struct watch_list *list, const struct watched_path *paths, size_t count,
                    struct error *err)
{
	*list = (struct watch_list){.entries = xcalloc(count + 1, sizeof(*list->entries))};
	for (size_t i = 0; i < count; i++) {
		size_t size = strnlen(paths[i].prefix, WATCH_PREFIX_MAX + 1);

		if (size == 0 || size > WATCH_PREFIX_MAX || paths[i].prefix[0] != '/') {
			watch_list_release(list);
			return error_set(err, EINVAL,
			                 "watched path '%.64s' is not absolute, 1 to %d bytes",
			                 paths[i].prefix, WATCH_PREFIX_MAX);
		}
		list->entries[list->count++] = (struct watch_entry){
		        .prefix = xstrdup(paths[i].prefix), .size = size, .cred = paths[i].cred};
	}
	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries), entry_order);
	return 0;
}

void watch_list_release(struct watch_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].prefix);
	free(list->entries);
	*list = (struct watch_list){0};
}

size_t path_proc_size(struct view path)
{
	size_t size = PROC.size;

	if (!view_starts_with(path, PROC))
		return 0;
	while (size < path.size && isdigit((unsigned char)path.data[size]))
		size++;
	if (size == PROC.size || (size < path.size && path.data[size] != '/'))
		return 0;
	return size;
}

/* Behind a "/task/<tid>", if there is one: a thread has most of what its process has. */
static struct view skip_task(struct view tail)
{
	size_t size = TASK.size;

	if (!view_starts_with(tail, TASK))
		return tail;
	while (size < tail.size && isdigit((unsigned char)tail.data[size]))
		size++;
	if (size == TASK.size || (size < tail.size && tail.data[size] != '/'))
		return tail;
	return view_of(tail.data + size, tail.size - size);
}

/* Does head + tail start with the entry's prefix? */
static bool entry_matches(const struct watch_entry *entry, struct view head, struct view tail)
{
	size_t first = entry->size < head.size ? entry->size : head.size;

	return entry->size <= head.size + tail.size &&
	       memcmp(entry->prefix, head.data, first) == 0 &&
	       (entry->size == first ||
	        memcmp(entry->prefix + first, tail.data, entry->size - first) == 0);
}

enum watch_match watch_list_match(const struct watch_list *list, struct view path)
{
	size_t own = path_proc_size(path);
	struct view head = path, tail = {path.data, 0};

	if (!own && view_starts_with(path, VIEW_LITERAL("/proc/self/")))
		own = PROC_SELF.size;
	if (own) {
		head = PROC_SELF;
		tail = skip_task(view_of(path.data + own, path.size - own));
	}
	for (size_t i = 0; i < list->count; i++)
		if (entry_matches(&list->entries[i], head, tail))
			return list->entries[i].cred ? WATCH_MATCH_CRED : WATCH_MATCH_PLAIN;
	return WATCH_MATCH_NONE;
}

enum watch_match watch_list_match_tree(const struct watch_list *list, struct view path)
{
	enum watch_match match = watch_list_match(list, path);

	for (size_t i = 0; i < list->count && match != WATCH_MATCH_CRED; i++) {
		const struct watch_entry *entry = &list->entries[i];

		/* The path is a directory above the prefix, or the one that it names. */
		if (entry->size > path.size && memcmp(entry->prefix, path.data, path.size) == 0 &&
		    (entry->prefix[path.size] == '/' || view_is(path, "/")))
			match = entry->cred ? WATCH_MATCH_CRED : WATCH_MATCH_PLAIN;
	}
	return match;
}

/* Where the last component of the path in `out` begins. */
static size_t parent_of(const struct buf *out, size_t start)
{
	size_t size = out->size;

	while (size > start && out->data[size - 1] != '/')
		size--;
	return size > start ? size - 1 : start;
}

/* Adds the components of `text` to the path that `out` holds from `start` on. */
static void path_walk(struct buf *out, size_t start, struct view text)
{
	while (text.size) {
		struct view part = view_split(&text, '/');

		if (part.size == 0 || view_is(part, "."))
			continue;
		if (!view_is(part, "..")) {
			buf_append_char(out, '/');
			buf_append_view(out, part);
			continue;
		}
		buf_truncate(out, parent_of(out, start));
	}
}

/* The link /proc/<pid>/root leads back to "/". */
static struct view skip_proc_root(struct view path)
{
	static const char self_root[] = "/proc/self/root";
	size_t own = path_proc_size(path);
	size_t size = own ? own + sizeof("/root") - 1 : sizeof(self_root) - 1;

	if (path.size < size || (path.size > size && path.data[size] != '/'))
		return path;
	if (memcmp(own ? path.data + own : path.data, own ? "/root" : self_root,
	           own ? sizeof("/root") - 1 : size) != 0)
		return path;
	return view_of(path.data + size, path.size - size);
}

void path_resolve(struct buf *out, struct view base, struct view name)
{
	size_t start = out->size;

	if (name.size == 0 || name.data[0] != '/')
		path_walk(out, start, base);
	while (skip_proc_root(name).size != name.size)
		name = skip_proc_root(name);
	path_walk(out, start, name);
	if (out->size == start)
		buf_append_char(out, '/');
}
