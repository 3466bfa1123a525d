// SPDX-License-Identifier: Apache-2.0
/* However a body is cut into pieces, the same is read from it; what is read survives the bus and
 * the wire and gives valid JSON for the database. (The fixture's reader goes over the bus.)
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/event_wire.h"
#include "model/model_fixture.h"
#include "json/json_pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 26, SPLITS_MAX = 64 };

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

static void check_wire(const struct wire_batch *batch, struct arena *arena)
{
	AUTO(buf) struct buf body;
	struct wire_batches again;
	buf_init(&body, OUT_MAX);
	event_wire_write_batch(&body, &batch->run_id, batch->seq, batch->events,
	                       batch->event_count);
	if (model_fixture_read_wire(buf_view(&body), arena, &again, NULL) < 0 || again.count != 1 ||
	    again.list[0].event_count != batch->event_count)
		abort();
	for (size_t i = 0; i < batch->event_count; i++) {
		if (again.list[0].events[i].type != batch->events[i].type)
			abort();
	}
}

/* Ascending; where they are follows from the input, so that a finding repeats itself. */
static size_t choose_splits(struct view body, size_t splits[SPLITS_MAX])
{
	uint64_t seed = view_hash(body) | 1;
	size_t count = 0;
	for (size_t at = 0; count < SPLITS_MAX; splits[count++] = at) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		at += seed % (2 * body.size / SPLITS_MAX + 2);
		if (at > body.size)
			break;
	}
	return count;
}

static void check_equal(const struct wire_batches *a, const struct wire_batches *b)
{
	if (a->count != b->count)
		abort();
	for (size_t i = 0; i < a->count; i++) {
		const struct wire_batch *left = &a->list[i];
		const struct wire_batch *right = &b->list[i];
		if (left->seq != right->seq || left->event_count != right->event_count ||
		    !run_id_equal(&left->run_id, &right->run_id))
			abort();
		for (size_t j = 0; j < left->event_count; j++) {
			if (model_fixture_difference(&left->events[j], &right->events[j]))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view body = view_of(data, size);
	struct arena arena;
	struct wire_batches whole, pieces;
	struct error whole_err = {0}, pieces_err = {0};
	size_t splits[SPLITS_MAX];
	arena_init(&arena);
	(void)model_fixture_read_wire(body, &arena, &whole, &whole_err);
	size_t count = choose_splits(body, splits);
	(void)model_fixture_read_split(body, splits, count, &arena, &pieces, &pieces_err);
	if (strcmp(whole_err.text, pieces_err.text) != 0)
		abort();
	check_equal(&whole, &pieces);
	for (size_t i = 0; i < whole.count; i++) {
		for (size_t j = 0; j < whole.list[i].event_count; j++)
			check_row(&whole.list[i].events[j]);
		check_wire(&whole.list[i], &arena);
	}
	arena_release(&arena);
	return 0;
}
