// SPDX-License-Identifier: Apache-2.0
#include "model/wire_parts.h"

#include "base/clock.h"

void wire_member_text(struct json_writer *w, const char *key, const char *text)
{
	if (text && *text)
		json_member_string(w, key, text);
}

void wire_member_number(struct json_writer *w, const char *key, int64_t number)
{
	if (number)
		json_member_int(w, key, number);
}

void wire_member_time(struct json_writer *w, const char *key, int64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX];
	clock_format_rfc3339(wall_ns, text, sizeof(text));
	json_member_string(w, key, text);
}

void wire_member_run_id(struct json_writer *w, const char *key, const struct run_id *id)
{
	json_member(w, key);
	wire_put_bytes(w, id->bytes, RUN_ID_SIZE, RUN_ID_SIZE);
}

/* "255,": built by hand, because events hold hundreds of them. */
static char *put_byte(char *out, uint8_t byte)
{
	if (byte >= 100)
		*out++ = (char)('0' + byte / 100);
	if (byte >= 10)
		*out++ = (char)('0' + byte / 10 % 10);
	*out++ = (char)('0' + byte % 10);
	*out++ = ',';
	return out;
}

static char *put_zeros(char *out, size_t count)
{
	static const char zeros[] = "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,";
	enum { RUN = (sizeof(zeros) - 1) / 2 };
	for (; count > 0; count -= count < RUN ? count : RUN) {
		size_t run = count < RUN ? count : RUN;
		memcpy(out, zeros, 2 * run);
		out += 2 * run;
	}
	return out;
}

void wire_put_bytes(struct json_writer *w, const void *bytes, size_t size, size_t total)
{
	enum { TEXT_MAX = 4 }; /* of one byte */
	json_array(w);
	if (size > total)
		size = total;
	char *room = buf_reserve(w->out, total * TEXT_MAX);
	if (room) {
		char *end = room;
		for (size_t i = 0; i < size; i++)
			end = put_byte(end, ((const uint8_t *)bytes)[i]);
		end = put_zeros(end, total - size);
		buf_advance(w->out, (size_t)(end - room) - (total > 0)); /* not the last comma */
	}
	json_end_array(w);
}

int wire_read_run_id_text(struct json_pull *pull, struct arena *arena, struct run_id *ret,
                          struct error *err)
{
	struct json_pull before = *pull;
	struct view text;
	int rc = json_pull_string(pull, arena, &text, err);
	if (rc == 0 && !run_id_parse(text, ret))
		rc = json_pull_fail(&before, err, "expected 32 hexadecimal digits");
	return rc;
}
