// SPDX-License-Identifier: Apache-2.0
/*
 * Turns the kernel's records of one run into events: the state that needs no kernel (process tree,
 * TCP streams, watched prefixes), so that all of it can be tested and fuzzed with plain bytes.
 *
 * Invariants: any bytes may be given as a record; what does not decode is counted and dropped. An
 * event is borrowed by the handler until it returns. One thread uses a decoder at a time.
 */
#ifndef FANGS_SENSOR_RUN_DECODER_H
#define FANGS_SENSOR_RUN_DECODER_H

#include "alias_list.h"
#include "base/error.h"
#include "base/view.h"
#include "model/event.h"
#include "process_tree.h"
#include "quic_flow.h"
#include "resolver.h"
#include "stream.h"
#include "watch_list.h"
#include "witness.h"
#include "witness_book.h"

enum { RUN_CONNECTS_MAX = 64 /* that wait for their end */ };

struct run_decoder_options {
	const struct watched_path *watched_paths; /* copied */
	size_t watched_path_count;
	enum actor command_actor;
	const char *first_program; /* see sensor.h; borrowed */
	void (*on_event)(void *ctx, const struct event *event);
	/* No more bytes of this TCP stream are wanted. */
	void (*on_stream_done)(void *ctx, uint64_t cookie);
	void *ctx;
};

struct run_decoder_stats {
	uint64_t events[EVENT_TYPE_COUNT];
	uint64_t malformed, cut, parse_failed, exec_failed, unattributed;
	uint64_t only_witnessed; /* opens that the records did not tell */
};

struct run_decoder {
	struct run_decoder_options options; /* watched_paths is not kept */
	struct run_decoder_stats stats;
	struct watch_list watches;
	struct process_tree tree;
	struct stream_table streams;
	struct alias_list aliases;
	uint32_t own_pid;
	bool has_witness; /* opens are kept in the book */
	struct witness_book book;
	struct quic_flows quic;
	struct resolver resolver;
	struct record_connect connects[RUN_CONNECTS_MAX]; /* oldest first */
	size_t connect_count;
	struct dns_answer answer; /* that is being read */
	struct buf path, second;  /* of the event that is being made */
};

/* ERROR_DROP on a bad watched path; nothing to release then. */
int run_decoder_init(struct run_decoder *decoder, const struct run_decoder_options *options,
                     struct error *err);
void run_decoder_release(struct run_decoder *decoder);

void run_decoder_record(struct run_decoder *decoder, struct view record);

/* A second witness has seen an open. It becomes an event if the records do not tell it until the
 * turn after the next. A turn is over when no records are left. */
/* Without its path: is there nothing to be told of it? */
bool run_decoder_settled(const struct run_decoder *decoder, const struct witnessed *witnessed);
void run_decoder_witnessed(struct run_decoder *decoder, const struct witnessed *witnessed);
void run_decoder_turn(struct run_decoder *decoder);

/* Reports what was waiting for more: unfinished hellos, failed searches for a program. */
void run_decoder_flush(struct run_decoder *decoder);

#endif
