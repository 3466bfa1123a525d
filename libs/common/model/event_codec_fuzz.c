// SPDX-License-Identifier: Apache-2.0
/* Whatever is read from the bus is written and read again as the same, and gives valid JSON. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/event_codec.h"
#include "model/event_wire.h"
#include "model/model_fixture.h"
#include "json/json_pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 24 };

static void check_event(const struct events_header *header, const struct event *event)
{
	AUTO(buf) struct buf out;
	struct events_header copy;
	struct events_reader reader;
	struct event again;
	struct json_pull pull;
	buf_init(&out, OUT_MAX);
	events_write_batch(&out, header);
	events_write_event(&out, event);
	if (events_read_header(buf_view(&out), &copy, &reader, NULL) < 0 ||
	    events_next(&reader, &again, NULL) != 1 || model_fixture_difference(event, &again))
		abort();
	buf_reset(&out);
	event_write_row_json(&out, event);
	json_pull_init(&pull, buf_view(&out));
	if (json_pull_skip(&pull, NULL) < 0 || json_pull_peek(&pull) != JSON_PULL_END)
		abort();
}

static void check_result(const struct events_header *header, const struct run_result *result)
{
	AUTO(buf) struct buf out;
	struct events_header copy;
	struct events_reader reader;
	struct run_result again;
	buf_init(&out, OUT_MAX);
	events_write_result(&out, header, result);
	if (events_read_header(buf_view(&out), &copy, &reader, NULL) < 0 ||
	    events_read_result(&reader, &again, NULL) < 0 ||
	    !view_equal(again.reason, result->reason) || again.last_seq != result->last_seq)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct events_header header;
	struct events_reader reader;
	struct event event;
	struct run_result result;
	if (events_read_header(view_of(data, size), &header, &reader, NULL) < 0)
		return 0;
	if (header.kind == EVENTS_BATCH) {
		while (events_next(&reader, &event, NULL) > 0)
			check_event(&header, &event);
	} else if (events_read_result(&reader, &result, NULL) == 0) {
		check_result(&header, &result);
	}
	return 0;
}
