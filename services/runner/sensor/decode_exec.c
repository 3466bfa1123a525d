// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "decode.h"

/* Failed execs of one name are one attempt: execvp() tries each folder of PATH. */
struct process_attempt {
	struct record_header header; /* of the last try */
	char *path;                  /* of the last try, absolute */
	size_t path_size, name_start;
	unsigned tries;
	int32_t result;
};

static struct view attempt_path(const struct process_attempt *attempt)
{
	return view_of(attempt->path, attempt->path_size);
}

static struct view attempt_name(const struct process_attempt *attempt)
{
	return view_of(attempt->path + attempt->name_start,
	               attempt->path_size - attempt->name_start);
}

void decode_attempt_free(struct process_attempt *attempt)
{
	free(attempt->path);
	free(attempt);
}

static size_t name_start(struct view path)
{
	size_t start = path.size;

	while (start > 0 && path.data[start - 1] != '/')
		start--;
	return start;
}

/* execvp() goes on after these. */
static bool is_search_result(int32_t result)
{
	return result == -ENOENT || result == -EACCES || result == -ENOTDIR;
}

/* Up to the sandbox's first program: what is above it is the container runtime. */
static void add_ancestors(struct event_exec *exec, const struct process *process)
{
	const struct process *above = process->parent;

	for (; above && !process_is_runtime(above) && exec->ancestor_count < EVENT_ANCESTORS_MAX;
	     above = above->parent)
		exec->ancestors[exec->ancestor_count++] = (struct event_ancestor){
		        .pid = above->pid,
		        .ppid = above->ppid,
		        .start_ns = above->start_ns,
		        .comm = view_of(above->comm, strnlen(above->comm, sizeof(above->comm))),
		};
}

void decode_attempt_flush(struct run_decoder *decoder, struct process *process)
{
	struct event event = {.type = EVENT_EXEC, .wire_type = EVENT_EXEC};
	struct process_attempt *attempt = process->attempt;

	if (!attempt)
		return;
	process->attempt = NULL;
	decode_process(&attempt->header, process, &event.process);
	/* A name that was found in no folder has no path of its own. */
	event.exec.path = attempt->tries > 1 && attempt->result == -ENOENT ? attempt_name(attempt)
	                                                                   : attempt_path(attempt);
	event.exec.result = attempt->result;
	add_ancestors(&event.exec, process);
	decode_emit(decoder, &event);
	decode_attempt_free(attempt);
}

/* Is `path` the next try of the search that `attempt` stands for? */
static bool continues_search(const struct process_attempt *attempt, struct view path)
{
	size_t start = name_start(path);

	return is_search_result(attempt->result) &&
	       view_equal(attempt_name(attempt), view_of(path.data + start, path.size - start));
}

static void attempt_add(struct process *process, const struct record_file *file, struct view path)
{
	struct process_attempt *attempt = process->attempt;

	if (!attempt)
		attempt = process->attempt = xcalloc(1, sizeof(*attempt));
	free(attempt->path);
	attempt->header = file->header;
	attempt->result = file->result;
	attempt->tries++;
	attempt->path = view_dup(path);
	attempt->path_size = path.size;
	attempt->name_start = name_start(path);
}

bool decode_exec_failed(struct run_decoder *decoder, struct view record)
{
	const struct record_file *file = (const void *)record.data;
	struct process *process;
	struct view path;
	const char *text;

	if (record.size < sizeof(*file) ||
	    record.size != sizeof(*file) + file->path_size + file->name_size)
		return false;
	process = process_tree_get(&decoder->tree, &file->header);
	if (!process)
		return false;
	if (process_is_runtime(process))
		return true;
	decoder->stats.exec_failed++;
	text = record.data + sizeof(*file);
	buf_reset(&decoder->path);
	path_resolve(&decoder->path, view_of(text, file->path_size),
	             view_of(text + file->path_size, file->name_size));
	path = decode_text(buf_view(&decoder->path));
	if (process->attempt && !continues_search(process->attempt, path))
		decode_attempt_flush(decoder, process);
	attempt_add(process, file, path);
	return true;
}

/* The search along PATH ended with this program. */
static void end_search(struct run_decoder *decoder, struct process *process,
                       const struct process_exec *exec)
{
	struct view path = exec->script.size ? exec->script : exec->path;
	struct process_attempt *attempt = process->attempt;

	if (!attempt)
		return;
	if (!continues_search(attempt, path)) {
		decode_attempt_flush(decoder, process);
		return;
	}
	process->attempt = NULL;
	decode_attempt_free(attempt);
}

static void split_argv(struct view area, bool cut, struct event_exec *ret)
{
	ret->argv_truncated = cut;
	while (area.size) {
		struct view argument = view_split(&area, '\0');

		if (ret->argc == EVENT_ARGV_MAX) {
			ret->argv_truncated = true;
			return;
		}
		if (argument.size > EVENT_TEXT_MAX)
			ret->argv_truncated = true;
		ret->argv[ret->argc++] = decode_text(argument);
	}
}

/* Cuts the text behind the record into its parts. */
struct exec_text {
	struct view path, name, base, argv, package;
};

static bool exec_text_of(struct view record, struct exec_text *ret)
{
	const struct record_exec *exec = (const void *)record.data;
	const char *text;

	if (record.size < sizeof(*exec) ||
	    record.size != sizeof(*exec) + exec->path_size + exec->name_size + exec->base_size +
	                           exec->argv_size + exec->package_size)
		return false;
	text = record.data + sizeof(*exec);
	ret->path = view_of(text, exec->path_size);
	text += exec->path_size;
	ret->name = view_of(text, exec->name_size);
	text += exec->name_size;
	ret->base = view_of(text, exec->base_size);
	text += exec->base_size;
	ret->argv = view_of(text, exec->argv_size);
	ret->package = view_of(text + exec->argv_size, exec->package_size);
	return true;
}

bool decode_exec(struct run_decoder *decoder, struct view record)
{
	const struct record_exec *exec = (const void *)record.data;
	struct event event = {.type = EVENT_EXEC, .wire_type = EVENT_EXEC};
	struct process_exec facts = {0};
	struct process *process;
	struct exec_text text;
	bool is_setup;

	if (!exec_text_of(record, &text))
		return false;
	process = process_tree_get(&decoder->tree, &exec->header);
	if (!process)
		return false;
	split_argv(text.argv, (exec->header.flags & RECORD_CUT) != 0, &event.exec);
	if (text.name.size) {
		buf_reset(&decoder->path);
		path_resolve(&decoder->path, text.base, text.name);
		facts.script = decode_text(buf_view(&decoder->path));
	}
	facts.path = decode_text(text.path);
	facts.argv = event.exec.argv;
	facts.argc = event.exec.argc;
	facts.package = text.package;
	end_search(decoder, process, &facts);
	is_setup = process_is_runtime(process);
	process_tree_exec(&decoder->tree, process, &exec->header, &facts);
	if (is_setup)
		return true; /* the sandbox's first program is part of it */
	decode_process(&exec->header, process, &event.process);
	add_ancestors(&event.exec, process);
	/* A script is a program in its own right, and so is what interprets it. */
	event.exec.path = facts.script;
	if (facts.script.size)
		decode_emit(decoder, &event);
	event.exec.path = facts.path;
	decode_emit(decoder, &event);
	return true;
}
