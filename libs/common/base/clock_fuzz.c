// SPDX-License-Identifier: Apache-2.0
/* What parses as a time is formatted to a text that parses as the same time. */
#include <stdlib.h>

#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t wall_ns = 0;
	int64_t again_ns = 0;
	char text[CLOCK_TEXT_MAX];
	if (!clock_parse_rfc3339(view_of(data, size), &wall_ns))
		return 0;
	clock_format_rfc3339(wall_ns, text, sizeof(text));
	if (!clock_parse_rfc3339(view_of_string(text), &again_ns) || again_ns != wall_ns)
		abort();
	return 0;
}
