// SPDX-License-Identifier: Apache-2.0
/* A job that was read is written, read and written again as the same. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf first;
	AUTO(buf) struct buf second;
	struct arena arena;
	struct job job;
	buf_init(&first, OUT_MAX);
	buf_init(&second, OUT_MAX);
	arena_init(&arena);
	if (job_read_json(view_of(data, size), &arena, &job, NULL) == 0) {
		job_write_json(&first, &job, true);
		if (job_read_json(buf_view(&first), &arena, &job, NULL) < 0)
			abort();
		job_write_json(&second, &job, true);
		if (!view_equal(buf_view(&first), buf_view(&second)))
			abort();
	}
	arena_release(&arena);
	return 0;
}
