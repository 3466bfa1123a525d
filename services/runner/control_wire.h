// SPDX-License-Identifier: Apache-2.0
/* The JSON of registration and heartbeat (compat 1.3, 1.4) with our extensions. */
#ifndef FANGS_RUNNER_CONTROL_WIRE_H
#define FANGS_RUNNER_CONTROL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "model/run_id.h"

enum {
	/* Servers cut a heartbeat at 8 KiB: ids of at most so many runs of each kind fit. */
	HEARTBEAT_IDS_MAX = 64,
	HEARTBEAT_MAX_BYTES = 8192,
	BOOT_ID_TEXT_SIZE = 33,
};

struct registration {
	const char *runner_id, *transport, *boot_id, *sensor_tier;
	size_t slots;
};
void registration_write(struct buf *out, const struct registration *registration);

struct registration_ack {
	int64_t poll_interval_ms, heartbeat_interval_ms;
	int32_t jobs_partition; /* -1: none */
	bool ours;              /* the server reads our extensions */
};
/* EPROTO (RETRY: a gateway in the middle of a start may say anything) unless "ok" is true. */
int registration_ack_read(struct view text, struct registration_ack *ret, struct error *err);

struct heartbeat_ids {
	struct run_id items[HEARTBEAT_IDS_MAX];
	size_t count;
};

struct heartbeat {
	const char *runner_id, *boot_id;
	bool draining;
	size_t slots;
	struct heartbeat_ids active, finished, handed_back;
};
void heartbeat_write(struct buf *out, const struct heartbeat *heartbeat);

struct heartbeat_answer {
	bool unknown_runner;
	struct heartbeat_ids cancel;
};
int heartbeat_answer_read(struct view text, struct heartbeat_answer *ret, struct error *err);

#endif
