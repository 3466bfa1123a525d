// SPDX-License-Identifier: Apache-2.0
#include "live/batch.h"

#define RETENTION_US (INT64_C(600) * 1000 * 1000)

static const struct {
	const char *topic, *event;
} names[TOPIC_COUNT] = {
        [TOPIC_RUNS] = {"runs", "run"},
        [TOPIC_DEVIATIONS] = {"deviations", "deviation"},
        [TOPIC_RUNNERS] = {"runners", "runner"},
};

static unsigned topic_bit(struct view name)
{
	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++) {
		if (view_is(name, names[topic].topic))
			return 1U << topic;
	}
	return 0;
}

bool topics_parse(const char *text, unsigned *ret, struct view *ret_unknown)
{
	struct view rest = view_of_string(text);
	unsigned topics = 0;

	while (rest.size) {
		struct view name = view_trim(view_split(&rest, ','));
		unsigned bit = topic_bit(name);
		if (!bit) {
			*ret_unknown = name;
			return false;
		}
		topics |= bit;
	}
	*ret = topics ? topics : TOPICS_ALL;
	return true;
}

const char *topic_event(enum topic topic)
{
	return names[topic].event;
}

void batch_init(struct batch *batch)
{
	*batch = (struct batch){0};
	arena_init(&batch->arena);
}

void batch_release(struct batch *batch)
{
	position_unref(batch->now);
	arena_release(&batch->arena);
}

static bool is_new(const struct item *item, const struct position *seen)
{
	for (size_t i = 0; i < item->cause_count; i++) {
		const struct cause *cause = &item->causes[i];
		if (cause->xid ? !position_sees(seen, cause->xid)
		               : cause->at_us > position_told_us(seen))
			return true;
	}
	return false;
}

static bool is_wanted(const struct item *item, const struct interest *interest)
{
	return interest->topics & (1U << item->topic) &&
	       (!interest->package || !item->package ||
	        strcmp(interest->package, item->package) == 0);
}

/* The log does not reach back to where this listener stands, or is of another history. */
static bool is_out_of_reach(const struct batch *batch, const struct position *seen)
{
	return position_is_ahead(seen, batch->now) ||
	       position_told_us(batch->now) - position_told_us(seen) > RETENTION_US ||
	       (batch->cut_xid && !position_sees_all_before(seen, batch->cut_xid + 1));
}

static void write_id(struct buf *out, const struct position *at)
{
	buf_append_string(out, "id: ");
	buf_append_string(out, position_cursor(at));
	buf_append_string(out, "\n");
}

static void write_reset(struct buf *out, const struct position *now)
{
	buf_reset(out);
	buf_append_string(out, "event: reset\ndata: {}\n");
	write_id(out, now);
	buf_append_string(out, "\n");
}

static void write_event(struct buf *out, const struct item *item)
{
	buf_append_string(out, "event: ");
	buf_append_string(out, topic_event(item->topic));
	buf_append_string(out, "\ndata: ");
	buf_append_view(out, item->json);
	buf_append_string(out, "\n");
}

void batch_write(const struct batch *batch, const struct interest *interest,
                 const struct position *seen, struct buf *out, size_t counts[TOPIC_COUNT])
{
	if (is_out_of_reach(batch, seen)) {
		write_reset(out, batch->now);
		return;
	}
	for (size_t i = 0; i < batch->count; i++) {
		const struct item *item = &batch->items[i];
		if (!is_wanted(item, interest) || !is_new(item, seen))
			continue;
		if (out->size)
			buf_append_string(out, "\n");
		write_event(out, item);
		counts[item->topic]++;
	}
	if (out->size) {
		write_id(out, batch->now);
		buf_append_string(out, "\n");
	}
	if (out->overflowed) {
		write_reset(out, batch->now);
		memset(counts, 0, TOPIC_COUNT * sizeof(*counts));
	}
}

void frame_hello(struct buf *out)
{
	buf_append_string(out, ": connected\nretry: 2000\n\n");
}

void frame_position(struct buf *out, const struct position *at)
{
	buf_append_string(out, ": keep-alive\n");
	write_id(out, at);
	buf_append_string(out, "\n");
}

void frame_silence(struct buf *out)
{
	buf_append_string(out, ": keep-alive\n\n");
}
