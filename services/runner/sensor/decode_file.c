// SPDX-License-Identifier: Apache-2.0
#include "decode.h"

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

/* The kernel has matched the path of an open file, unless it could not know all of it. */
static bool needs_match(const struct record_header *header)
{
	return header->kind == RECORD_FILE_FAILED || header->flags & RECORD_OUTSIDE;
}

bool decode_file(struct run_decoder *decoder, struct view record)
{
	const struct record_file *file = (const void *)record.data;
	struct event event = {.type = EVENT_FILE, .wire_type = EVENT_FILE};
	enum watch_match match = WATCH_MATCH_PLAIN;
	struct process *process;
	const char *text;

	if (record.size < sizeof(*file) ||
	    record.size != sizeof(*file) + file->path_size + file->name_size)
		return false;
	process = process_tree_get(&decoder->tree, &file->header);
	if (process && process_is_runtime(process))
		return true;
	text = record.data + sizeof(*file);
	if (file->header.kind == RECORD_FILE)
		event.file.path =
		        opened_path(decoder, &file->header, view_of(text, file->path_size));
	else
		event.file.path = attempted_path(decoder, file, text);
	if (needs_match(&file->header))
		match = watch_list_match(&decoder->watches, event.file.path);
	else if (file->header.flags & RECORD_CRED)
		match = WATCH_MATCH_CRED;
	if (match == WATCH_MATCH_NONE)
		return true;
	decode_process(&file->header, process, &event.process);
	event.process.tags = EVENT_TAG_INTERESTING;
	if (match == WATCH_MATCH_CRED)
		event.process.tags |= EVENT_TAG_CRED;
	event.file.dfd = file->dfd;
	event.file.flags = file->open_flags;
	event.file.result = file->result;
	event.file.truncated = (file->header.flags & RECORD_CUT) != 0;
	decode_emit(decoder, &event);
	return true;
}
