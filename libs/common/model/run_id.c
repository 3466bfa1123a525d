// SPDX-License-Identifier: Apache-2.0
#include "model/run_id.h"

#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"

enum { TIME_SIZE = 8 };

struct run_id run_id_new(void)
{
	struct run_id id;
	uint64_t now = (uint64_t)clock_wall_ns();
	for (size_t i = 0; i < TIME_SIZE; i++)
		id.bytes[i] = (uint8_t)(now >> (8 * (TIME_SIZE - 1 - i)));
	random_bytes(id.bytes + TIME_SIZE, RUN_ID_SIZE - TIME_SIZE);
	return id;
}

bool run_id_is_zero(const struct run_id *id)
{
	static const struct run_id zero;
	return run_id_equal(id, &zero);
}

bool run_id_equal(const struct run_id *a, const struct run_id *b)
{
	return memcmp(a->bytes, b->bytes, RUN_ID_SIZE) == 0;
}

void run_id_format(const struct run_id *id, char text[RUN_ID_TEXT_SIZE])
{
	hex_encode(id->bytes, RUN_ID_SIZE, text);
}

bool run_id_parse(struct view text, struct run_id *ret)
{
	struct run_id id;
	if (!hex_decode(text, id.bytes, RUN_ID_SIZE))
		return false;
	*ret = id;
	return true;
}
