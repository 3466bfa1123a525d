// SPDX-License-Identifier: Apache-2.0
#include "alias_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bpf/records.h"

struct alias {
	struct alias *next;
	uint64_t inode;
	uint32_t device;
	size_t size;
	char path[];
};

void alias_list_init(struct alias_list *list)
{
	*list = (struct alias_list){0};
}

void alias_list_release(struct alias_list *list)
{
	for (size_t i = 0; i < ALIAS_BUCKETS; i++) {
		while (list->buckets[i]) {
			struct alias *alias = list->buckets[i];

			list->buckets[i] = alias->next;
			free(alias);
		}
	}
	list->count = 0;
}

void alias_list_add(struct alias_list *list, uint32_t device, uint64_t inode, struct view path)
{
	struct alias **bucket = &list->buckets[inode % ALIAS_BUCKETS], *alias;

	if (list->count == RECORD_ALIASES_MAX || path.size == 0 ||
	    alias_list_find(list, device, inode).size)
		return;
	alias = xmalloc(sizeof(*alias) + path.size);
	*alias = (struct alias){*bucket, inode, device, path.size};
	memcpy(alias->path, path.data, path.size);
	*bucket = alias;
	list->count++;
}

struct view alias_list_find(const struct alias_list *list, uint32_t device, uint64_t inode)
{
	const struct alias *alias = list->buckets[inode % ALIAS_BUCKETS];

	while (alias && (alias->inode != inode || alias->device != device))
		alias = alias->next;
	return alias ? view_of(alias->path, alias->size) : VIEW_LITERAL("");
}
