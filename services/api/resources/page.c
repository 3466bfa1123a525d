// SPDX-License-Identifier: Apache-2.0
#include "resources/page.h"

#include <errno.h>

#include "base/view.h"

int page_read(const char *limit, const char *cursor, struct arena *arena, struct page *ret,
              struct error *err)
{
	struct view rest = view_of_string(cursor);

	*ret = (struct page){.limit = PAGE_LIMIT_DEFAULT};
	if (limit && (!view_to_i64(view_of_string(limit), &ret->limit) || ret->limit < 1))
		return error_set(err, EINVAL, "limit must be a number from 1 to %d",
		                 PAGE_LIMIT_MAX);
	if (ret->limit > PAGE_LIMIT_MAX)
		ret->limit = PAGE_LIMIT_MAX;
	if (rest.size == 0)
		return 0;
	struct view first = view_split(&rest, '~');
	ret->after_first = first.size ? arena_copy(arena, first).data : NULL;
	ret->after_second = rest.size ? arena_copy(arena, rest).data : NULL;
	return 0;
}
