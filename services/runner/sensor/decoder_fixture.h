// SPDX-License-Identifier: Apache-2.0
/*
 * For tests with cmocka: a run_decoder that is given records made by hand, and its events as lines
 * of text to compare with. It watches /etc/ and, as credentials, /root/.ssh/.
 */
#ifndef FANGS_SENSOR_DECODER_FIXTURE_H
#define FANGS_SENSOR_DECODER_FIXTURE_H

#include "base/buf.h"
#include "bpf/records.h"
#include "run_decoder.h"

enum { DECODER_RECORD_MAX = 32768, DECODER_PID = 100 };

struct decoder_fixture {
	struct run_decoder decoder;
	struct buf lines;
	uint64_t done_cookie; /* of the stream of which no more bytes are wanted */
	_Alignas(8) char record[DECODER_RECORD_MAX];
	size_t size;
};

int decoder_set_up(void **state);
int decoder_tear_down(void **state);

/* Compares with what was handed out since the last time. */
void decoder_expect(struct decoder_fixture *fixture, const char *lines);

/* Begins a record of `size` bytes by the process DECODER_PID, its text to follow; decoder_give()
 * hands it to the decoder. */
void *decoder_begin(struct decoder_fixture *fixture, enum record_kind kind, unsigned flags,
                    size_t size);
size_t decoder_add_text(struct decoder_fixture *fixture, struct view text);
void decoder_give(struct decoder_fixture *fixture);

void decoder_give_exec(struct decoder_fixture *fixture, const char *path, const char *script,
                       const char *base, struct view argv);
/* TCP from thread `cookie` to 192.0.2.1. */
void decoder_give_tcp(struct decoder_fixture *fixture, uint64_t cookie, uint64_t ts_ns);

#endif
