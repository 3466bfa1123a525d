// SPDX-License-Identifier: Apache-2.0
#include "process_table.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "text.h"

enum { CAPACITY_MIN = 64, CLEAN_MAX_BYTES = 4 * EVENT_TEXT_MAX };

void process_table_release(struct process_table *table)
{
	free(table->slots);
	*table = (struct process_table){0};
}

/* The pid's slot, or the free one where it belongs. */
static struct process *find(const struct process_table *table, uint32_t pid)
{
	/* pids are dense: neighbours fall into neighbouring slots */
	size_t at = pid & (table->capacity - 1);
	while (table->slots[at].pid && table->slots[at].pid != pid)
		at = (at + 1) & (table->capacity - 1);
	return &table->slots[at];
}

static const struct process *lookup(const struct process_table *table, uint32_t pid)
{
	if (pid == 0 || table->count == 0)
		return NULL;
	const struct process *process = find(table, pid);
	return process->pid ? process : NULL;
}

static void grow(struct process_table *table)
{
	struct process_table larger = {.capacity =
	                                       table->capacity ? 2 * table->capacity : CAPACITY_MIN,
	                               .count = table->count};
	larger.slots = xcalloc(larger.capacity, sizeof(*larger.slots));
	for (size_t i = 0; i < table->capacity; i++) {
		if (table->slots[i].pid)
			*find(&larger, table->slots[i].pid) = table->slots[i];
	}
	free(table->slots);
	*table = larger;
}

/* npm calls itself "npm install <package>". */
static struct view without_arguments(struct view name)
{
	struct view npm = VIEW_LITERAL("npm ");
	return view_starts_with(name, npm) ? view_of(name.data, npm.size - 1) : name;
}

static void store_name(struct process *process, struct view name)
{
	name = without_arguments(name);
	bool same = name.size < sizeof(process->name) &&
	            memcmp(process->name, name.data ? name.data : "", name.size) == 0 &&
	            process->name[name.size] == '\0';
	if (same) /* almost always */
		return;
	AUTO(buf) struct buf clean;
	buf_init(&clean, CLEAN_MAX_BYTES);
	struct view kept = utf8_prefix(text_clean(name, &clean), sizeof(process->name) - 1);
	memset(process->name, 0, sizeof(process->name));
	memcpy(process->name, kept.data, kept.size);
}

static void store(struct process_table *table, uint32_t pid, uint32_t ppid, struct view name,
                  bool override)
{
	if (pid == 0)
		return;
	if (2 * (table->count + 1) > table->capacity && table->count < PROCESS_TABLE_MAX)
		grow(table);
	struct process *process = find(table, pid);
	if (process->pid && !override)
		return;
	if (!process->pid) {
		if (table->count == PROCESS_TABLE_MAX)
			return;
		process->pid = pid;
		table->count++;
	}
	process->ppid = ppid;
	store_name(process, name);
}

void process_table_set(struct process_table *table, uint32_t pid, uint32_t ppid, struct view name)
{
	store(table, pid, ppid, name, true);
}

void process_table_fill(struct process_table *table, uint32_t pid, uint32_t ppid, struct view name)
{
	store(table, pid, ppid, name, false);
}

struct view process_name_of_path(struct view path)
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	if (!slash)
		return path;
	return view_of(slash + 1, path.size - (size_t)(slash + 1 - path.data));
}

void process_table_see(struct process_table *table, const struct event *event)
{
	const struct event_process *process = &event->process;
	if (event->type == EVENT_EXEC && event->exec.path.size)
		process_table_set(table, process->pid, process->ppid,
		                  process_name_of_path(event->exec.path));
	else if (process->tid == process->pid)
		process_table_set(table, process->pid, process->ppid, process->comm);
	else /* a thread may have a name of its own */
		process_table_fill(table, process->pid, process->ppid, process->comm);
}

void process_table_chain(const struct process_table *table, uint32_t pid, struct buf *out)
{
	const struct process *chain[PROCESS_CHAIN_MAX];
	size_t count = 0;
	const struct process *process = lookup(table, pid);
	while (process && count < PROCESS_CHAIN_MAX) {
		chain[count++] = process;
		process = process->ppid == process->pid ? NULL : lookup(table, process->ppid);
	}
	while (count > 0) {
		buf_append_string(out, chain[--count]->name);
		if (count > 0)
			buf_append_string(out, " > ");
	}
}
