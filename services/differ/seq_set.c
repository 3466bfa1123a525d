// SPDX-License-Identifier: Apache-2.0
#include "seq_set.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define SEQ_MAX ((uint64_t)INT64_MAX - 1)

void seq_set_release(struct seq_set *set)
{
	free(set->ranges);
	*set = (struct seq_set){0};
}

void seq_set_clear(struct seq_set *set)
{
	set->count = 0;
}

/* The number of ranges that end before `seq`. */
static size_t ranges_before(const struct seq_set *set, uint64_t seq)
{
	size_t low = 0, high = set->count;
	if (high && set->ranges[high - 1].last < seq) /* almost always: batches come in order */
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->ranges[middle].last < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool seq_set_has(const struct seq_set *set, uint64_t seq)
{
	size_t at = ranges_before(set, seq);
	return at < set->count && set->ranges[at].first <= seq;
}

static void insert_range(struct seq_set *set, size_t at, struct seq_range range)
{
	if (set->count == set->capacity) {
		set->capacity = set->capacity ? 2 * set->capacity : 4;
		set->ranges = xrealloc(set->ranges, set->capacity, sizeof(*set->ranges));
	}
	memmove(set->ranges + at + 1, set->ranges + at, (set->count - at) * sizeof(*set->ranges));
	set->ranges[at] = range;
	set->count++;
}

static void remove_range(struct seq_set *set, size_t at)
{
	set->count--;
	memmove(set->ranges + at, set->ranges + at + 1, (set->count - at) * sizeof(*set->ranges));
}

enum seq_added seq_set_add(struct seq_set *set, uint64_t seq)
{
	if (seq == 0 || seq > SEQ_MAX)
		return SEQ_FULL;
	size_t at = ranges_before(set, seq);
	if (at < set->count && set->ranges[at].first <= seq)
		return SEQ_KNOWN;
	bool touches_left = at > 0 && set->ranges[at - 1].last + 1 == seq;
	bool touches_right = at < set->count && set->ranges[at].first == seq + 1;
	if (touches_left && touches_right) {
		set->ranges[at - 1].last = set->ranges[at].last;
		remove_range(set, at);
	} else if (touches_left) {
		set->ranges[at - 1].last = seq;
	} else if (touches_right) {
		set->ranges[at].first = seq;
	} else if (set->count == SEQ_SET_MAX) {
		return SEQ_FULL;
	} else {
		insert_range(set, at, (struct seq_range){seq, seq});
	}
	return SEQ_NEW;
}

uint64_t seq_set_last(const struct seq_set *set)
{
	return set->count ? set->ranges[set->count - 1].last : 0;
}

uint64_t seq_set_first_missing(const struct seq_set *set)
{
	bool starts = set->count && set->ranges[0].first == 1;
	return starts ? set->ranges[0].last + 1 : 1;
}

void seq_set_format(const struct seq_set *set, struct buf *out)
{
	buf_append_char(out, '{');
	for (size_t i = 0; i < set->count; i++)
		buf_printf(out, "%s[%" PRIu64 ",%" PRIu64 ")", i ? "," : "", set->ranges[i].first,
		           set->ranges[i].last + 1);
	buf_append_char(out, '}');
}

/* "[first,end)" at the start of `*rest`. */
static bool parse_range(struct view *rest, struct seq_range *ret)
{
	uint64_t first, end;
	if (!view_starts_with(*rest, VIEW_LITERAL("[")))
		return false;
	*rest = view_of(rest->data + 1, rest->size - 1);
	if (!view_to_u64(view_split(rest, ','), &first) ||
	    !view_to_u64(view_split(rest, ')'), &end))
		return false;
	if (first == 0 || end <= first || end - 1 > SEQ_MAX)
		return false;
	*ret = (struct seq_range){first, end - 1};
	return true;
}

int seq_set_parse(struct seq_set *set, struct view text, struct error *err)
{
	seq_set_clear(set);
	bool braces = text.size >= 2 && text.data[0] == '{' && text.data[text.size - 1] == '}';
	struct view rest = braces ? view_of(text.data + 1, text.size - 2) : text;
	bool valid = braces;
	while (valid && rest.size) {
		struct seq_range range;
		valid = parse_range(&rest, &range) && set->count < SEQ_SET_MAX &&
		        range.first > seq_set_last(set);
		if (valid)
			insert_range(set, set->count, range);
		if (rest.size && rest.data[0] == ',')
			rest = view_of(rest.data + 1, rest.size - 1);
	}
	if (valid)
		return 0;
	return error_set(err, EINVAL, "batch numbers '%.*s' are no list of ranges",
	                 VIEW_ARG(view_of(text.data, text.size < 64 ? text.size : 64)));
}
