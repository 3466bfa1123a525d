// SPDX-License-Identifier: Apache-2.0
#include "decision.h"

#include <stdlib.h>

#include "json/json_writer.h"

void decision_write(struct buf *body, const char *note)
{
	const char *user = getenv("USER");
	struct json_writer w = json_writer_on(body);

	json_object(&w);
	json_member_string(&w, "by", user ? user : "");
	json_member_string(&w, "note", note ? note : "");
	json_end_object(&w);
}
