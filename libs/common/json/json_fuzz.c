// SPDX-License-Identifier: Apache-2.0
/* What parses is written as text that parses and is written the same again. */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json) struct json *first = json_parse(view_of(data, size), size % 2, NULL);
	if (!first)
		return 0;
	AUTO(free) char *text = json_to_text(first);
	AUTO(json) struct json *second = json_parse(view_of_string(text), true, NULL);
	if (!second)
		abort();
	AUTO(free) char *again = json_to_text(second);
	if (strcmp(text, again) != 0)
		abort();
	return 0;
}
