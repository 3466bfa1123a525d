// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the decoder share. Inside: each decode_*() takes a record whose header has been
 * checked and returns false when the rest of it is malformed.
 */
#ifndef FANGS_SENSOR_DECODE_H
#define FANGS_SENSOR_DECODE_H

#include "run_decoder.h"

/* Fills in who did it. `process` may be NULL: unknown. */
void decode_process(const struct record_header *header, const struct process *process,
                    struct event_process *ret);

/* Counts the event and hands it out. */
void decode_emit(struct run_decoder *decoder, const struct event *event);

/* Text of a record: bounded by EVENT_TEXT_MAX. */
struct view decode_text(struct view text);

bool decode_file(struct run_decoder *decoder, struct view record);
/* An open that only the second witness saw. `ctx` is the struct run_decoder. */
void decode_unseen(void *ctx, const struct book_open *open);
bool decode_exec(struct run_decoder *decoder, struct view record);
bool decode_exec_failed(struct run_decoder *decoder, struct view record);
bool decode_connect(struct run_decoder *decoder, struct view record);
bool decode_connected(struct run_decoder *decoder, struct view record);
bool decode_interface(struct run_decoder *decoder, struct view record);
bool decode_datagram(struct run_decoder *decoder, struct view record);
bool decode_segment(struct run_decoder *decoder, struct view record);

/* Hands out the connects whose end is not known and that have waited for it long enough by `now_ns`
 * (UINT64_MAX: all of them). */
void decode_connects_flush(struct run_decoder *decoder, uint64_t now_ns);

/* Payloads of packets. */

struct decode_packet { /* where a message was found; borrowed */
	const struct record_header *header;
	const struct record_address *to;
	uint64_t cookie;
	uint16_t purpose;
	struct view tunnel; /* "host:port" that a proxy was asked for, through which it goes */
};

bool decode_address_valid(const struct record_address *address);

/* Who sent or received a packet: the owner of its socket. */
void decode_packet_process(struct run_decoder *decoder, const struct record_header *header,
                           struct event_process *ret);

void decode_dns(struct run_decoder *decoder, const struct decode_packet *from, struct view message);

/* Bytes at a DNS server that are no message. */
void decode_dns_bad(struct run_decoder *decoder, const struct decode_packet *from,
                    struct view message);

/* A stream of TLS from its first byte. False: the hello goes on (never with `last`). */
bool decode_tls_hello(struct run_decoder *decoder, const struct decode_packet *from,
                      struct view bytes, bool last);

/* A proxy was asked for `host`, NULL when that cannot be read in `raw`. from->tunnel is set if it
 * can. */
void decode_tls_tunnel(struct run_decoder *decoder, const struct decode_packet *from,
                       const char *host, struct view raw);

void decode_quic(struct run_decoder *decoder, const struct decode_packet *from,
                 struct view datagram);

/* Hands out the connection as one whose hello never became complete. */
void decode_quic_flush(struct run_decoder *decoder, struct quic_flow *flow);

/* Hands out a failed exec that waited for the end of a search along PATH. */
void decode_attempt_flush(struct run_decoder *decoder, struct process *process);
void decode_attempt_free(struct process_attempt *attempt);

/* Hands out the stream as one that never became readable. */
void decode_stream_flush(struct run_decoder *decoder, struct stream *stream);

#endif
