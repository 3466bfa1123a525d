// SPDX-License-Identifier: Apache-2.0
/* The nearest known name by edit distance, for messages about a misspelt one. */
#include "config/config_internal.h"

enum { NAME_MAX_BYTES = 64, DISTANCE_MAX = 3 };

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;
	return ab < c ? ab : c;
}

/* Levenshtein's distance of two names of at most NAME_MAX_BYTES. */
static size_t distance(struct view a, struct view b)
{
	size_t row[NAME_MAX_BYTES + 1];
	for (size_t j = 0; j <= b.size; j++)
		row[j] = j;
	for (size_t i = 0; i < a.size; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < b.size; j++) {
			size_t substituted = diagonal + (a.data[i] != b.data[j]);
			diagonal = row[j + 1];
			row[j + 1] = least(row[j] + 1, row[j + 1] + 1, substituted);
		}
	}
	return row[b.size];
}

const char *config_suggest(struct arena *arena, const char *wrong, const char *const *names,
                           size_t count)
{
	struct view wanted = view_of_string(wrong);
	const char *best = NULL;
	size_t best_distance = DISTANCE_MAX + 1;
	for (size_t i = 0; i < count && wanted.size <= NAME_MAX_BYTES; i++) {
		struct view name = view_of_string(names[i]);
		size_t d = name.size <= NAME_MAX_BYTES ? distance(wanted, name) : best_distance;
		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	return best ? arena_printf(arena, " (did you mean '%s'?)", best) : "";
}
