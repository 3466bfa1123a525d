// SPDX-License-Identifier: Apache-2.0
#include "process_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "model/program.h"
#include "text.h"

enum { CAPACITY_MIN = 64, CLEAN_MAX_BYTES = 4 * EVENT_TEXT_MAX, SAVED_MEMBERS = 9 };

void process_table_release(struct process_table *table)
{
	for (size_t i = 0; i < table->capacity; i++)
		if (table->slots[i].pid)
			free(table->slots[i].command);
	free(table->slots);
	*table = (struct process_table){0};
}

void process_table_forget(struct process_table *table)
{
	process_table_release(table);
	table->forgot = table->unsaved = true;
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

static struct process *lookup(const struct process_table *table, uint32_t pid)
{
	if (pid == 0 || table->count == 0)
		return NULL;
	struct process *process = find(table, pid);
	return process->pid ? process : NULL;
}

static void grow(struct process_table *table)
{
	struct process_table larger = *table;
	larger.capacity = table->capacity ? 2 * table->capacity : CAPACITY_MIN;
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
	process->kept = false;
}

/* The pid's entry, made if there is room. */
static struct process *enter(struct process_table *table, uint32_t pid, uint32_t ppid)
{
	if (pid == 0)
		return NULL;
	if (2 * (table->count + 1) > table->capacity && table->count < PROCESS_TABLE_MAX)
		grow(table);
	struct process *process = find(table, pid);
	if (process->pid)
		return process;
	if (table->count == PROCESS_TABLE_MAX)
		return NULL;
	*process = (struct process){.pid = pid, .ppid = ppid};
	table->count++;
	return process;
}

static const struct process *parent_of(const struct process_table *table,
                                       const struct process *process)
{
	return process->ppid == process->pid ? NULL : lookup(table, process->ppid);
}

/* Is npm, or has it above without code of a package in between. */
static bool is_npm_or_below(const struct process_table *table, const struct process *process)
{
	for (size_t i = 0; process && i < PROCESS_CHAIN_MAX; i++) {
		if (process->npm)
			return true;
		process = parent_of(table, process);
	}
	return false;
}

/* npm itself re-executed, for a git dependency: only the installed npm. */
static bool is_npm_again(const struct process_table *table, const struct process *process,
                         const struct program *program)
{
	const struct process *parent = parent_of(table, process);
	return (process->npm || (parent && parent->npm)) && program_is_installed_npm(program);
}

/* On whose behalf a process acts after an exec. */
static void apply_role(struct process_table *table, struct process *process,
                       const struct event_exec *exec)
{
	const struct program program = {.path = exec->path, .argv = exec->argv, .argc = exec->argc};
	if (process->actor == ACTOR_PACKAGE)
		return;
	if (is_npm_or_below(table, process)) {
		process->npm = is_npm_again(table, process, &program);
		process->actor = process->npm || program_is_npm_tool(&program) ? ACTOR_MANAGER
		                                                               : ACTOR_PACKAGE;
	} else if (program_is_npm(&program)) {
		process->npm = true;
		process->actor = ACTOR_MANAGER;
		table->npm_seen = true;
		table->kept = false;
	} else if (program_is_node(&program) || program_is_of_package(&program)) {
		process->actor = ACTOR_PACKAGE;
	}
}

/* Whom a process acts for that shows itself for the first time. */
static enum actor first_actor(const struct process_table *table, const struct process *parent)
{
	if (!parent)
		return table->npm_seen ? ACTOR_PACKAGE : ACTOR_MANAGER;
	bool below_command = parent->actor == ACTOR_MANAGER && !is_npm_or_below(table, parent);
	return below_command && table->package_seen ? ACTOR_PACKAGE : (enum actor)parent->actor;
}

/* A script's root is what npm started; whoever has package code above belongs to its tree. */
static void place_in_tree(struct process_table *table, struct process *process)
{
	if (process->actor != ACTOR_PACKAGE || process->tree != TREE_NONE)
		return;
	const struct process *parent = parent_of(table, process);
	if (parent && parent->tree != TREE_NONE)
		process->tree = parent->tree;
	else
		process->tree = parent && is_npm_or_below(table, parent) ? process->pid : TREE_LOST;
	process->kept = false;
	table->package_seen = true;
	table->kept = false;
}

/* Parents that showed nothing themselves, as an exec names them. */
static void learn_ancestors(struct process_table *table, const struct event_exec *exec)
{
	for (size_t i = exec->ancestor_count; i > 0; i--) {
		const struct event_ancestor *ancestor = &exec->ancestors[i - 1];
		bool known = ancestor->pid <= 1 || lookup(table, ancestor->pid);
		/* who is outside of the sandbox has no parent in it */
		const struct process *parent = known ? NULL : lookup(table, ancestor->ppid);
		if (!parent)
			continue;
		enum actor actor = first_actor(table, parent);
		struct process *process = enter(table, ancestor->pid, ancestor->ppid);
		if (!process)
			return;
		process->actor = (uint8_t)actor;
		store_name(process, ancestor->comm);
		place_in_tree(table, process);
		table->unsaved = true;
	}
}

static void store_command(struct process *process, const struct event_exec *exec)
{
	AUTO(buf) struct buf line;
	buf_init(&line, (size_t)EVENT_ARGV_MAX * (EVENT_TEXT_MAX + 1));
	for (size_t i = 0; i < exec->argc && line.size < PROCESS_COMMAND_MAX; i++) {
		if (i)
			buf_append_char(&line, ' ');
		buf_append_view(&line, exec->argv[i]);
	}
	if (exec->argc == 0)
		buf_append_view(&line, exec->path);
	AUTO(buf) struct buf clean;
	buf_init(&clean, CLEAN_MAX_BYTES);
	struct view text = view_of(
	        line.data, line.size < PROCESS_COMMAND_MAX ? line.size : PROCESS_COMMAND_MAX);
	text = utf8_prefix(text_clean(text, &clean), PROCESS_COMMAND_MAX);
	free(process->command);
	process->command = view_dup(text);
	process->kept = false;
}

static void learn_name(struct process *process, const struct event *event)
{
	if (event->type == EVENT_EXEC && event->exec.path.size) {
		store_name(process, path_base_name(event->exec.path));
		return;
	}
	/* a thread may have a name of its own */
	bool main_thread = event->process.tid == event->process.pid;
	if (process->name[0] && (!main_thread || process->renames >= PROCESS_RENAMES_MAX))
		return;
	bool was_kept = process->kept;
	process->kept = true;
	store_name(process, event->process.comm);
	process->renames += !process->kept;
	process->kept &= was_kept;
}

/* By the container runtime; the init process that docker puts before the command is part of it. */
static bool is_setup(struct process_table *table, const struct event *event)
{
	static const char init[] = "docker-init";
	struct view comm = event->process.comm;
	if (table->executed)
		return false;
	if (event->type == EVENT_EXEC) {
		bool is_init = view_is(path_base_name(event->exec.path), init);
		table->executed = !is_init;
		table->kept = false;
		return is_init;
	}
	return view_starts_with(comm, VIEW_LITERAL("runc:[")) || view_is(comm, init);
}

struct process_view process_table_see(struct process_table *table, const struct event *event)
{
	const struct event_process *seen = &event->process;
	bool told = seen->actor != ACTOR_UNKNOWN;
	bool executes = event->type == EVENT_EXEC;
	bool setup = is_setup(table, event);
	if (executes)
		learn_ancestors(table, &event->exec);
	const struct process *parent = seen->ppid == seen->pid ? NULL : lookup(table, seen->ppid);
	enum actor actor = told ? seen->actor : first_actor(table, parent);
	struct process *process = enter(table, seen->pid, seen->ppid);
	if (!process)
		return (struct process_view){seen->pid == 0 && !told ? ACTOR_UNKNOWN : actor,
		                             TREE_LOST, setup};
	if (process->actor == ACTOR_UNKNOWN)
		process->actor = (uint8_t)actor;
	if (executes) {
		apply_role(table, process, &event->exec);
		store_command(process, &event->exec);
	}
	if (told && process->actor != seen->actor) {
		process->actor = (uint8_t)seen->actor;
		process->kept = false;
	}
	learn_name(process, event);
	place_in_tree(table, process);
	table->unsaved |= !process->kept || !table->kept;
	return (struct process_view){(enum actor)process->actor, process->tree, setup};
}

static uint8_t *deeds_of(const struct process_table *table, uint32_t tree)
{
	struct process *root = tree == TREE_LOST ? NULL : lookup(table, tree);
	return root ? &root->deeds : NULL;
}

bool process_table_did(struct process_table *table, uint32_t tree, enum tree_deed deed)
{
	uint8_t *deeds = deeds_of(table, tree);
	if (!deeds)
		deeds = &table->lost_deeds;
	if (*deeds & deed)
		return false;
	*deeds |= (uint8_t)deed;
	table->any_deeds |= (uint8_t)deed;
	table->kept = false;
	table->unsaved = true;
	struct process *root = lookup(table, tree);
	if (root)
		root->kept = false;
	return true;
}

bool process_table_has_done(const struct process_table *table, uint32_t tree, enum tree_deed deed)
{
	const uint8_t *deeds = deeds_of(table, tree);
	return (deeds ? *deeds | table->lost_deeds : table->any_deeds) & deed;
}

void process_table_chain(const struct process_table *table, uint32_t pid, struct buf *out)
{
	const struct process *chain[PROCESS_CHAIN_MAX];
	size_t count = 0;
	const struct process *process = lookup(table, pid);
	while (process && count < PROCESS_CHAIN_MAX) {
		chain[count++] = process;
		process = parent_of(table, process);
	}
	while (count > 0) {
		buf_append_string(out, chain[--count]->name);
		if (count > 0)
			buf_append_string(out, " > ");
	}
}

uint32_t process_table_tree(const struct process_table *table, uint32_t pid)
{
	const struct process *process = lookup(table, pid);
	return process ? process->tree : TREE_LOST;
}

const char *process_table_command(const struct process_table *table, uint32_t pid)
{
	const struct process *process = lookup(table, pid);
	return process && process->command ? process->command : "";
}

static void save_text(struct buf *out, const char *text)
{
	char hex[2 * PROCESS_COMMAND_MAX + 1];
	hex_encode(text, strlen(text), hex);
	buf_printf(out, " x%s", hex);
}

void process_table_save(struct process_table *table, struct buf *out)
{
	if (!table->unsaved)
		return;
	table->unsaved = false;
	if (table->forgot)
		buf_append_string(out, "n\n");
	table->forgot = false;
	if (!table->kept)
		buf_printf(out, "t %d %d %u %u %d\n", table->npm_seen, table->package_seen,
		           table->lost_deeds, table->any_deeds, table->executed);
	table->kept = true;
	for (size_t i = 0; i < table->capacity; i++) {
		struct process *process = &table->slots[i];
		if (!process->pid || process->kept)
			continue;
		buf_printf(out, "p %" PRIu32 " %" PRIu32 " %" PRIu32 " %u %u %u %d", process->pid,
		           process->ppid, process->tree, process->actor, process->deeds,
		           process->renames, process->npm);
		save_text(out, process->name);
		save_text(out, process->command ? process->command : "");
		buf_append_char(out, '\n');
		process->kept = true;
	}
}

static bool load_text(struct view hex, char *out, size_t size)
{
	size_t bytes = hex.size / 2;
	if (hex.size == 0 || hex.data[0] != 'x' || bytes >= size)
		return false;
	out[bytes] = '\0';
	return hex_decode(view_of(hex.data + 1, hex.size - 1), out, bytes);
}

/* `count` numbers with a blank between. */
static bool load_numbers(struct view *rest, uint64_t *ret, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!view_to_u64(view_split(rest, ' '), &ret[i]) || ret[i] > UINT32_MAX)
			return false;
	return true;
}

static bool load_table(struct process_table *table, struct view rest)
{
	uint64_t n[4], executed = 1;
	if (!load_numbers(&rest, n, 4) || (rest.size && !load_numbers(&rest, &executed, 1)))
		return false;
	table->npm_seen = n[0];
	table->package_seen = n[1];
	table->lost_deeds = (uint8_t)n[2];
	table->any_deeds = (uint8_t)n[3];
	table->executed = executed;
	table->kept = true;
	return true;
}

static bool load_process(struct process_table *table, struct view rest)
{
	uint64_t n[SAVED_MEMBERS - 2];
	char name[PROCESS_NAME_MAX], command[PROCESS_COMMAND_MAX + 1];
	if (!load_numbers(&rest, n, SAVED_MEMBERS - 2) ||
	    !load_text(view_split(&rest, ' '), name, sizeof(name)) ||
	    !load_text(view_split(&rest, ' '), command, sizeof(command)))
		return false;
	struct process *process = enter(table, (uint32_t)n[0], (uint32_t)n[1]);
	if (!process)
		return false;
	process->tree = (uint32_t)n[2];
	process->actor = (uint8_t)n[3];
	process->deeds = (uint8_t)n[4];
	process->renames = (uint8_t)n[5];
	process->npm = n[6];
	memset(process->name, 0, sizeof(process->name));
	memcpy(process->name, name, strlen(name));
	free(process->command);
	process->command = command[0] ? xstrdup(command) : NULL;
	process->kept = true;
	return true;
}

static bool load_forgotten(struct process_table *table)
{
	process_table_release(table);
	return true;
}

int process_table_load(struct process_table *table, struct view line, struct error *err)
{
	struct view rest = line, kind = view_split(&rest, ' ');
	bool loaded = (view_is(kind, "n") && load_forgotten(table)) ||
	              (view_is(kind, "t") && load_table(table, rest)) ||
	              (view_is(kind, "p") && load_process(table, rest));
	return loaded ? 0
	              : error_set(err, EINVAL, "'%.*s' is no line of a table of processes",
	                          VIEW_ARG(line));
}
