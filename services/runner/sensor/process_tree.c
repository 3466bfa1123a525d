// SPDX-License-Identifier: Apache-2.0
#include "process_tree.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "model/program.h"
#include "process_actor.h"
#include "process_package.h"

enum { EXIT_CODE_SIGNALLED = 128 };

void process_tree_init(struct process_tree *tree, enum actor command_actor,
                       void (*forget_attempt)(struct process_attempt *attempt))
{
	*tree = (struct process_tree){
	        .command_actor = command_actor,
	        .begun = true,
	        .npm_exit_code = INT32_MIN,
	        .forget_attempt = forget_attempt,
	};
}

void process_tree_await(struct process_tree *tree, struct view program)
{
	tree->first_program = program;
	tree->begun = false;
}

void process_tree_expect(struct process_tree *tree, uint32_t pid)
{
	tree->first_pid = pid;
}

static struct process **bucket_of(struct process_tree *tree, uint32_t pid)
{
	return &tree->buckets[pid % PROCESS_BUCKETS];
}

static void process_free(struct process_tree *tree, struct process *process)
{
	if (process->attempt)
		tree->forget_attempt(process->attempt);
	free(process);
}

void process_tree_release(struct process_tree *tree)
{
	struct process *next;

	for (struct process *process = tree->oldest; process; process = next) {
		next = process->newer;
		process_free(tree, process);
	}
	package_names_release(tree);
	*tree = (struct process_tree){0};
}

static void process_unlink(struct process_tree *tree, struct process *process)
{
	struct process **at = bucket_of(tree, process->pid);

	while (*at != process)
		at = &(*at)->bucket_next;
	*at = process->bucket_next;
	*(process->older ? &process->older->newer : &tree->oldest) = process->newer;
	*(process->newer ? &process->newer->older : &tree->newest) = process->older;
	if (process->parent)
		process->parent->children--;
	tree->count--;
}

/* Forgets the oldest process that has ended and that no known process descends from. */
static void process_tree_evict(struct process_tree *tree)
{
	struct process *process = tree->oldest;

	while (process && (process->alive || process->children))
		process = process->newer;
	if (!process)
		return; /* the pids limit of the sandbox bounds those alive */
	process_unlink(tree, process);
	process_free(tree, process);
}

struct process *process_tree_find(const struct process_tree *tree, uint32_t pid, uint64_t start_ns)
{
	struct process *process = tree->buckets[pid % PROCESS_BUCKETS];

	while (process && (process->pid != pid || (start_ns && process->start_ns != start_ns)))
		process = process->bucket_next;
	return process;
}

static void count_alive(struct process_tree *tree, const struct process *process, int change)
{
	if (!process->inside)
		return;
	tree->alive += (uint32_t)change;
	if (process->actor == ACTOR_PACKAGE)
		tree->package_alive += (uint32_t)change;
}

static void process_enter(struct process_tree *tree, struct process *process)
{
	process->inside = true;
	tree->started++;
	count_alive(tree, process, 1);
}

/* `process` runs the first program. */
static void process_tree_begin(struct process_tree *tree, struct process *process)
{
	tree->begun = true;
	tree->main = process;
	process_enter(tree, process);
}

static struct process *process_add(struct process_tree *tree, const struct record_header *header,
                                   struct process *parent)
{
	struct process *process = xcalloc(1, sizeof(*process));
	struct process **bucket = bucket_of(tree, header->pid);

	process->pid = header->pid;
	process->ppid = header->ppid;
	process->uid = header->uid;
	process->gid = header->gid;
	process->start_ns = header->start_ns;
	memcpy(process->comm, header->comm, sizeof(process->comm));
	process->parent = parent;
	process->alive = true;
	if (!tree->begun && parent && parent->alive && parent->pid == tree->first_pid)
		process_tree_begin(tree, parent);
	if (parent) {
		process->actor = parent->actor;
		process->package = parent->package;
		parent->children++;
	} else {
		/* Before npm only the sandbox's command can be new; later a stranger is one whose
		 * fork was lost, and nobody can say on whose behalf it acts. */
		process->actor = tree->npm_seen ? ACTOR_UNKNOWN : tree->command_actor;
	}
	process->bucket_next = *bucket;
	*bucket = process;
	process->older = tree->newest;
	*(tree->newest ? &tree->newest->newer : &tree->oldest) = process;
	tree->newest = process;
	if (parent ? parent->inside : tree->begun)
		process_enter(tree, process);
	if (++tree->count > PROCESSES_MAX)
		process_tree_evict(tree);
	return process;
}

struct process *process_tree_get(struct process_tree *tree, const struct record_header *header)
{
	struct process *process = process_tree_find(tree, header->pid, header->start_ns);

	if (process || header->pid == 0)
		return process;
	return process_add(tree, header, process_tree_find(tree, header->ppid, 0));
}

void process_tree_fork(struct process_tree *tree, const struct record_fork *record)
{
	const struct record_header *header = &record->header;

	if (process_tree_find(tree, header->pid, header->start_ns))
		return;
	(void)process_add(tree, header,
	                  process_tree_find(tree, header->ppid, record->parent_start_ns));
}

void process_tree_exec(struct process_tree *tree, struct process *process,
                       const struct record_header *header, const struct process_exec *exec)
{
	struct process_role role;

	memcpy(process->comm, header->comm, sizeof(process->comm));
	if (!tree->begun && view_equal(path_base_name(exec->path), tree->first_program))
		process_tree_begin(tree, process);
	if (!process->inside)
		return;
	role = process_role_after_exec(tree, process, exec);
	count_alive(tree, process, -1);
	process->actor = role.actor;
	count_alive(tree, process, 1);
	if (!tree->executed && !tree->main)
		tree->main = process;
	tree->executed = true;
	if (role.actor == ACTOR_PACKAGE && !process->package.size)
		process->package = package_keep(tree, package_of_exec(exec));
	if (role.is_npm && !process->is_npm && role.counts_npm) {
		tree->npm_started++;
		process->counts_npm = true;
	}
	process->is_npm = role.is_npm;
	tree->npm_seen |= role.is_npm;
	process->uid = header->uid;
	process->gid = header->gid;
}

void process_tree_exit(struct process_tree *tree, struct process *process, uint32_t exit_code)
{
	int status = (int)exit_code, code;

	if (!process->alive)
		return;
	process->alive = false;
	count_alive(tree, process, -1);
	if (process == tree->main) {
		tree->survivors = tree->package_alive;
		tree->main = NULL;
	}
	if (!process->counts_npm)
		return;
	code = WIFSIGNALED(status) ? EXIT_CODE_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
	tree->npm_ended++;
	if (tree->npm_exit_code == INT32_MIN || tree->npm_exit_code == 0)
		tree->npm_exit_code = code;
}

bool process_is_runtime(const struct process *process)
{
	return !process->inside;
}
