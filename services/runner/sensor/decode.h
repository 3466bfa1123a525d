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
bool decode_datagram(struct run_decoder *decoder, struct view record);
bool decode_segment(struct run_decoder *decoder, struct view record);

/* Hands out a failed exec that waited for the end of a search along PATH. */
void decode_attempt_flush(struct run_decoder *decoder, struct process *process);
void decode_attempt_free(struct process_attempt *attempt);

/* Hands out the stream as one that never became readable. */
void decode_stream_flush(struct run_decoder *decoder, struct stream *stream);

#endif
