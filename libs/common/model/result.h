// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a run as its runner reports it, and its JSON on the /v1 wire. Keys beyond the existing
 * system's six are ours and optional.
 */
#ifndef FANGS_MODEL_RESULT_H
#define FANGS_MODEL_RESULT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"
#include "model/run_id.h"

enum run_status { RUN_STATUS_OK, RUN_STATUS_FAILED, RUN_STATUS_TIMEOUT };
const char *run_status_name(enum run_status status); /* "ok", "failed", "timeout" */

struct run_result {
	enum run_status status;
	struct view reason;
	int64_t events_emitted;
	uint64_t events_dropped; /* ours: of this run; an existing runner: since its start */
	int64_t duration_ns;
	/* Ours. */
	bool native;       /* came from our runner: the fields below are meaningful */
	uint64_t last_seq; /* batches 1..last_seq were sent; 0 unknown */
	uint64_t lost_ring, lost_parse, truncated; /* per-run loss by cause */
	uint32_t survivors; /* processes of package code that outlived the command and its grace */
	int32_t npm_exit_code; /* INT32_MIN: not seen */
	struct view image, image_digest, node_version, npm_version, sensor_tier;
};

/* Writes {"run_id":[...],"status":...} with our keys below "fangs". */
void run_result_write_json(struct buf *out, const struct run_id *run_id,
                           const struct run_result *result);
/* Lenient as existing servers are; text is copied into the arena. DROP with "decode ScanResult:
 * ..." or "status must be ok|failed|timeout". */
int run_result_read_json(struct view json, struct arena *arena, struct run_result *ret,
                         struct error *err);

#endif
