// SPDX-License-Identifier: Apache-2.0
#include "model/version_line.h"

#include <ctype.h>
#include <stdbool.h>

enum { PART_MAX = 1000 * 1000 * 1000 };

/* The number before `end`, and goes behind that. */
static bool read_part(const char **text, char end, int64_t *ret)
{
	*ret = 0;
	if (!isdigit((unsigned char)**text))
		return false;
	for (; isdigit((unsigned char)**text); (*text)++) {
		*ret = 10 * *ret + (**text - '0');
		if (*ret >= PART_MAX)
			return false;
	}
	return *(*text)++ == end;
}

int64_t version_line(const char *version)
{
	int64_t major, minor;

	if (!read_part(&version, '.', &major) || !read_part(&version, '.', &minor))
		return VERSION_LINE_ANY;
	return major ? major * PART_MAX : minor;
}
