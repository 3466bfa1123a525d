// SPDX-License-Identifier: Apache-2.0
/* What the pull parser calls a value, it calls one again when it reads it by its parts. */
#include <stdlib.h>

#include "json/json_pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int walk(struct json_pull *pull, struct arena *arena)
{
	struct view text;
	bool flag;
	int more = 0;
	switch (json_pull_peek(pull)) {
	case JSON_PULL_OBJECT:
		more = json_pull_object(pull, NULL);
		while (more >= 0 && (more = json_pull_key(pull, arena, &text, NULL)) > 0)
			more = walk(pull, arena);
		return more;
	case JSON_PULL_ARRAY:
		more = json_pull_array(pull, NULL);
		while (more >= 0 && (more = json_pull_item(pull, NULL)) > 0)
			more = walk(pull, arena);
		return more;
	case JSON_PULL_STRING:
		return json_pull_string(pull, arena, &text, NULL);
	case JSON_PULL_BOOL:
		return json_pull_bool(pull, &flag, NULL);
	case JSON_PULL_NULL:
		return json_pull_null(pull) ? 0 : -1;
	default:
		return json_pull_raw(pull, &text, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_pull skipped;
	struct json_pull walked;
	struct arena arena;
	arena_init(&arena);
	json_pull_init(&skipped, view_of(data, size));
	json_pull_init(&walked, view_of(data, size));
	int skip = json_pull_skip(&skipped, NULL);
	int walk_rc = walk(&walked, &arena);
	if ((skip == 0) != (walk_rc == 0) ||
	    (skip == 0 && json_pull_offset(&skipped) != json_pull_offset(&walked)))
		abort();
	arena_release(&arena);
	return 0;
}
