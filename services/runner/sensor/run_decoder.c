// SPDX-License-Identifier: Apache-2.0
#include "run_decoder.h"

#include <unistd.h>

#include "decode.h"
#include "model/program.h"

enum { DECODER_PATH_MAX = 3 * EVENT_TEXT_MAX };

int run_decoder_init(struct run_decoder *decoder, const struct run_decoder_options *options,
                     struct error *err)
{
	int r;

	*decoder = (struct run_decoder){.options = *options};
	decoder->options.watched_paths = NULL;
	r = watch_list_init(&decoder->watches, options->watched_paths, options->watched_path_count,
	                    err);
	if (r < 0)
		return r;
	process_tree_init(&decoder->tree, options->command_actor, decode_attempt_free);
	if (options->first_program)
		process_tree_await(&decoder->tree,
		                   path_base_name(view_of_string(options->first_program)));
	stream_table_init(&decoder->streams);
	alias_list_init(&decoder->aliases);
	witness_book_init(&decoder->book);
	quic_flows_init(&decoder->quic);
	resolver_init(&decoder->resolver);
	decoder->own_pid = (uint32_t)getpid();
	buf_init(&decoder->path, DECODER_PATH_MAX);
	buf_init(&decoder->second, DECODER_PATH_MAX);
	return 0;
}

void run_decoder_release(struct run_decoder *decoder)
{
	alias_list_release(&decoder->aliases);
	witness_book_release(&decoder->book);
	buf_release(&decoder->path);
	buf_release(&decoder->second);
	resolver_release(&decoder->resolver);
	quic_flows_release(&decoder->quic);
	stream_table_release(&decoder->streams);
	process_tree_release(&decoder->tree);
	watch_list_release(&decoder->watches);
}

struct view decode_text(struct view text)
{
	if (text.size > EVENT_TEXT_MAX)
		text.size = EVENT_TEXT_MAX;
	return text;
}

void decode_process(const struct record_header *header, const struct process *process,
                    struct event_process *ret)
{
	bool from_tree = header->flags & RECORD_NO_TASK && process;
	const char *comm = from_tree ? process->comm : header->comm;

	*ret = (struct event_process){
	        .ts_ns = header->ts_ns,
	        .cgroup_id = header->cgroup_id,
	        .start_ns = header->start_ns,
	        .pid = header->pid,
	        .tid = header->tid,
	        .ppid = from_tree ? process->ppid : header->ppid,
	        .uid = from_tree ? process->uid : header->uid,
	        .gid = from_tree ? process->gid : header->gid,
	        .comm = view_of(comm, strnlen(comm, RECORD_COMM_SIZE)),
	        .actor = process ? process->actor : ACTOR_UNKNOWN,
	        .package = process ? process->package : (struct view){0},
	};
}

void decode_emit(struct run_decoder *decoder, const struct event *event)
{
	if (!decoder->tree.begun)
		return; /* set-up, of whatever kind */
	decoder->stats.events[event->type]++;
	decoder->options.on_event(decoder->options.ctx, event);
}

static bool decode_fork(struct run_decoder *decoder, struct view record)
{
	const struct record_fork *fork = (const void *)record.data;

	if (record.size != sizeof(*fork))
		return false;
	process_tree_fork(&decoder->tree, fork);
	return true;
}

static bool decode_exit(struct run_decoder *decoder, struct view record)
{
	const struct record_exit *exit = (const void *)record.data;
	struct process *process;

	if (record.size != sizeof(*exit))
		return false;
	process = process_tree_get(&decoder->tree, &exit->header);
	if (!process)
		return false;
	decode_attempt_flush(decoder, process);
	process_tree_exit(&decoder->tree, process, exit->exit_code);
	return true;
}

static bool decode_kind(struct run_decoder *decoder, enum record_kind kind, struct view record)
{
	switch (kind) {
	case RECORD_FILE:
	case RECORD_FILE_FAILED:
	case RECORD_CHANGE:
		return decode_file(decoder, record);
	case RECORD_EXEC:
		return decode_exec(decoder, record);
	case RECORD_EXEC_FAILED:
		return decode_exec_failed(decoder, record);
	case RECORD_FORK:
		return decode_fork(decoder, record);
	case RECORD_EXIT:
		return decode_exit(decoder, record);
	case RECORD_CONNECT:
		return decode_connect(decoder, record);
	case RECORD_DATAGRAM:
		return decode_datagram(decoder, record);
	case RECORD_SEGMENT:
		return decode_segment(decoder, record);
	case RECORD_CONNECTED:
		return decode_connected(decoder, record);
	case RECORD_INTERFACE:
		return decode_interface(decoder, record);
	case RECORD_KIND_COUNT:
		break;
	}
	return false;
}

void run_decoder_record(struct run_decoder *decoder, struct view record)
{
	const struct record_header *header = (const void *)record.data;

	if (record.size >= sizeof(*header))
		decode_connects_flush(decoder, header->ts_ns);
	if (record.size < sizeof(*header) || !decode_kind(decoder, header->kind, record)) {
		decoder->stats.malformed++;
		return;
	}
	if (header->flags & RECORD_CUT)
		decoder->stats.cut++;
}

bool run_decoder_settled(const struct run_decoder *decoder, const struct witnessed *witnessed)
{
	const struct book_open open = {
	        .pid = witnessed->pid, .device = witnessed->device, .inode = witnessed->inode};
	const struct process *process = process_tree_find(&decoder->tree, witnessed->pid, 0);

	/* Of a process that is not known the first record may be on its way. */
	if (!process)
		return witnessed->pid == decoder->own_pid; /* looks into the sandbox */
	return process_is_runtime(process) || witness_book_knows_file(&decoder->book, &open);
}

void run_decoder_witnessed(struct run_decoder *decoder, const struct witnessed *witnessed)
{
	const struct book_open open = {witnessed->pid, witnessed->device, witnessed->inode,
	                               decode_text(witnessed->path)};

	if (run_decoder_settled(decoder, witnessed) ||
	    watch_list_match(&decoder->watches, open.path) == WATCH_MATCH_NONE)
		return;
	if (!witness_book_wait(&decoder->book, &open))
		decode_unseen(decoder, &open);
}

void run_decoder_turn(struct run_decoder *decoder)
{
	witness_book_turn(&decoder->book, decode_unseen, decoder);
}

static void flush_stream(void *ctx, struct stream *stream)
{
	decode_stream_flush(ctx, stream);
}

static void flush_quic(void *ctx, struct quic_flow *flow)
{
	decode_quic_flush(ctx, flow);
}

void run_decoder_flush(struct run_decoder *decoder)
{
	decode_connects_flush(decoder, UINT64_MAX);
	stream_table_each(&decoder->streams, flush_stream, decoder);
	quic_flows_each(&decoder->quic, flush_quic, decoder);
	for (struct process *process = decoder->tree.oldest; process; process = process->newer)
		decode_attempt_flush(decoder, process);
}
