// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "decode.h"

enum { KERNEL_MINOR_BITS = 20 }; /* of a device number inside the kernel */

_Static_assert((int)RECORD_STAT == (int)FILE_STAT && (int)RECORD_LINK == (int)FILE_LINK,
               "operations of records are those of events");

/* The path of a file that was opened: the kernel's text, with the process's own /proc/<pid> told
 * as /proc/self, which is what it stands for in every run. */
static struct view opened_path(struct run_decoder *decoder, const struct record_header *header,
                               struct view text)
{
	size_t own = header->flags & RECORD_PROC_SELF ? path_proc_size(text) : 0;

	if (!own)
		return decode_text(text);
	buf_reset(&decoder->path);
	buf_append_string(&decoder->path, "/proc/self");
	buf_append_view(&decoder->path, view_of(text.data + own, text.size - own));
	return decode_text(buf_view(&decoder->path));
}

static struct view attempted_path(struct run_decoder *decoder, const struct record_file *file,
                                  const char *text)
{
	buf_reset(&decoder->path);
	path_resolve(&decoder->path, view_of(text, file->path_size),
	             view_of(text + file->path_size, file->name_size));
	return decode_text(buf_view(&decoder->path));
}

/* The kernel has matched the path of a real file, unless it could not know all of it. */
static bool needs_match(const struct record_header *header)
{
	return header->kind == RECORD_FILE_FAILED || header->flags & RECORD_OUTSIDE;
}

/* A directory that moves takes what is below it along. */
static bool moves_directory(const struct record_file *file)
{
	return file->header.kind == RECORD_CHANGE && file->operation == RECORD_RENAME &&
	       S_ISDIR(file->mode);
}

static enum watch_match match_of(const struct run_decoder *decoder, const struct record_file *file,
                                 struct view path)
{
	if (file->operation == RECORD_STAT) /* of others it is too common to be of interest */
		return watch_list_match(&decoder->watches, path) == WATCH_MATCH_CRED
		               ? WATCH_MATCH_CRED
		               : WATCH_MATCH_NONE;
	if (moves_directory(file))
		return watch_list_match_tree(&decoder->watches, path);
	if (needs_match(&file->header))
		return watch_list_match(&decoder->watches, path);
	return file->header.flags & RECORD_CRED ? WATCH_MATCH_CRED : WATCH_MATCH_PLAIN;
}

/* The flags of an open that would do the same. */
static int32_t flags_of_change(const struct record_file *file)
{
	if (file->operation == RECORD_STAT)
		return O_PATH;
	switch ((enum record_role)file->role) {
	case RECORD_ROLE_MADE:
		return O_WRONLY | O_CREAT;
	case RECORD_ROLE_SOURCE:
		return O_RDONLY;
	case RECORD_ROLE_NONE: /* an attempt, or a kernel that tells no more than the call */
	case RECORD_ROLE_CHANGED:
	case RECORD_ROLE_TAKEN:
	case RECORD_ROLE_MOVED:
		break;
	}
	return file->operation == RECORD_TRUNCATE ? O_WRONLY | O_TRUNC : O_WRONLY;
}

/* Who has a second name of a file can read it there. */
static bool is_read_too(const struct record_file *file)
{
	return file->role == RECORD_ROLE_MOVED ||
	       (file->role == RECORD_ROLE_NONE &&
	        (file->operation == RECORD_RENAME || file->operation == RECORD_LINK));
}

static void emit_file(struct run_decoder *decoder, const struct record_file *file,
                      struct event *event)
{
	bool is_open = file->operation == RECORD_OPEN;

	event->file.dfd = file->dfd;
	event->file.flags = is_open ? file->open_flags : flags_of_change(file);
	event->file.result = file->result;
	event->file.truncated = (file->header.flags & RECORD_CUT) != 0;
	event->file.operation = (enum file_operation)file->operation;
	if (!is_open && is_read_too(file)) {
		event->file.flags = O_RDONLY;
		decode_emit(decoder, event);
		event->file.flags = O_WRONLY;
	}
	decode_emit(decoder, event);
}

/* Who gives a watched file another name and opens it there has opened what it was. */
static void follow_name(struct run_decoder *decoder, const struct record_file *file,
                        struct event *event)
{
	struct view first;

	if (file->role < RECORD_ROLE_SOURCE)
		return;
	if (file->header.kind == RECORD_CHANGE && !S_ISDIR(file->mode))
		alias_list_add(&decoder->aliases, file->device, file->inode, event->file.path);
	if (file->header.kind != RECORD_FILE)
		return;
	first = alias_list_find(&decoder->aliases, file->device, file->inode);
	if (first.size == 0)
		return;
	event->file.path = decode_text(first);
	decode_emit(decoder, event);
}

static void note_seen(struct run_decoder *decoder, const struct record_file *file, struct view path)
{
	const struct book_open open = {
	        .pid = file->header.pid,
	        .device = makedev(file->device >> KERNEL_MINOR_BITS,
	                          file->device & ((1U << KERNEL_MINOR_BITS) - 1)),
	        .inode = file->inode,
	        .path = path,
	};

	if (decoder->has_witness && file->header.kind == RECORD_FILE)
		witness_book_seen(&decoder->book, &open);
}

void decode_unseen(void *ctx, const struct book_open *open)
{
	struct run_decoder *decoder = ctx;
	struct event event = {.type = EVENT_FILE, .wire_type = EVENT_FILE};
	struct process *process = process_tree_find(&decoder->tree, open->pid, 0);
	struct record_header header = {.flags = RECORD_NO_TASK, .pid = open->pid};

	if (!process || process_is_runtime(process))
		return;
	header.tid = open->pid; /* which of its threads it was is not known */
	header.start_ns = process->start_ns;
	header.ts_ns = (uint64_t)clock_monotonic_ns();
	decode_process(&header, process, &event.process);
	event.process.tags = EVENT_TAG_INTERESTING;
	if (watch_list_match(&decoder->watches, open->path) == WATCH_MATCH_CRED)
		event.process.tags |= EVENT_TAG_CRED;
	event.file.dfd = AT_FDCWD;
	event.file.path = open->path;
	event.file.result = INT32_MIN;
	decoder->stats.only_witnessed++;
	decode_emit(decoder, &event);
}

static bool is_well_formed(const struct record_file *file, size_t size)
{
	return size >= sizeof(*file) && size == sizeof(*file) + file->path_size + file->name_size &&
	       file->operation < FILE_OPERATION_COUNT && file->role <= RECORD_ROLE_MOVED;
}

bool decode_file(struct run_decoder *decoder, struct view record)
{
	const struct record_file *file = (const void *)record.data;
	struct event event = {.type = EVENT_FILE, .wire_type = EVENT_FILE};
	enum watch_match match;
	struct process *process;
	const char *text;

	if (!is_well_formed(file, record.size))
		return false;
	process = process_tree_get(&decoder->tree, &file->header);
	if (process && process_is_runtime(process))
		return true;
	text = record.data + sizeof(*file);
	if (file->header.kind == RECORD_FILE_FAILED)
		event.file.path = attempted_path(decoder, file, text);
	else
		event.file.path =
		        opened_path(decoder, &file->header, view_of(text, file->path_size));
	match = match_of(decoder, file, event.file.path);
	if (match == WATCH_MATCH_NONE)
		return true;
	note_seen(decoder, file, event.file.path);
	decode_process(&file->header, process, &event.process);
	event.process.tags = EVENT_TAG_INTERESTING;
	if (match == WATCH_MATCH_CRED)
		event.process.tags |= EVENT_TAG_CRED;
	emit_file(decoder, file, &event);
	follow_name(decoder, file, &event);
	return true;
}
