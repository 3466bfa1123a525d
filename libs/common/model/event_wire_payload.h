// SPDX-License-Identifier: Apache-2.0
/* The payloads of the five event types: reading by tables, and writing in two forms. */
#ifndef FANGS_MODEL_EVENT_WIRE_PAYLOAD_H
#define FANGS_MODEL_EVENT_WIRE_PAYLOAD_H

#include "model/event.h"
#include "json/json_pull.h"
#include "json/json_writer.h"

/* Sizes of the wire's fixed arrays. */
enum {
	WIRE_COMM_SIZE = 16,
	WIRE_PATH_SIZE = 256,
	WIRE_ADDRESS_SIZE = 16,
	WIRE_ARGV_SLOTS = 8,
	WIRE_ARGV_SLOT_SIZE = 64,
	WIRE_ANCESTORS = 5,
	WIRE_QUERY_SIZE = 200,
	WIRE_CLIENTHELLO_SIZE = 512,
};

/* Fills `*event`, which is zeroed. False when the payload is not what the type promises or the type
 * is unknown; `pull` and `*event` are of no use then. */
bool event_wire_read_payload(struct json_pull *pull, uint8_t type, struct event *event,
                             struct arena *arena);

/* With a run id: as on the wire. Without (NULL): as in the database, that is without arrays of
 * bytes and without U+0000. */
void event_wire_write_payload(struct json_writer *w, const struct event *event,
                              const struct run_id *run_id);

#endif
