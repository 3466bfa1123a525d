// SPDX-License-Identifier: Apache-2.0
/* Whatever is read from the wire survives the bus unchanged and gives valid JSON for the database.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/event_codec.h"
#include "model/event_wire.h"
#include "model/model_fixture.h"
#include "json/json_pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 26 };

static void check_row(const struct event *event)
{
	AUTO(buf) struct buf row;
	struct json_pull pull;
	buf_init(&row, OUT_MAX);
	event_write_row_json(&row, event);
	json_pull_init(&pull, buf_view(&row));
	if (json_pull_skip(&pull, NULL) < 0 || json_pull_peek(&pull) != JSON_PULL_END)
		abort();
}

static void check_bus(const struct event_wire_batch *batch)
{
	AUTO(buf) struct buf message;
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	struct events_reader reader;
	struct event event;
	buf_init(&message, OUT_MAX);
	events_write_batch(&message, &header);
	for (size_t i = 0; i < batch->event_count; i++)
		events_write_event(&message, &batch->events[i]);
	if (events_read_header(buf_view(&message), &header, &reader, NULL) < 0)
		abort();
	for (size_t i = 0; i < batch->event_count; i++) {
		if (events_next(&reader, &event, NULL) != 1 ||
		    model_fixture_difference(&event, &batch->events[i]))
			abort();
	}
}

static void check_wire(const struct event_wire_batch *batch, struct arena *arena)
{
	AUTO(buf) struct buf body;
	struct event_wire_reader reader;
	struct event_wire_batch again;
	buf_init(&body, OUT_MAX);
	event_wire_write_batch(&body, &batch->run_id, batch->seq, batch->events,
	                       batch->event_count);
	event_wire_reader_init(&reader, buf_view(&body), arena);
	if (event_wire_next(&reader, &again, NULL) != 1 || again.event_count != batch->event_count)
		abort();
	for (size_t i = 0; i < again.event_count; i++) {
		if (again.events[i].type != batch->events[i].type)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct event_wire_reader reader;
	struct event_wire_batch batch;
	arena_init(&arena);
	event_wire_reader_init(&reader, view_of(data, size), &arena);
	while (event_wire_next(&reader, &batch, NULL) > 0) {
		for (size_t i = 0; i < batch.event_count; i++)
			check_row(&batch.events[i]);
		check_bus(&batch);
		check_wire(&batch, &arena);
	}
	arena_release(&arena);
	return 0;
}
