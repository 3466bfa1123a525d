// SPDX-License-Identifier: Apache-2.0
/* Pieces that the JSON forms of this folder share. */
#ifndef FANGS_MODEL_WIRE_PARTS_H
#define FANGS_MODEL_WIRE_PARTS_H

#include "model/run_id.h"
#include "json/json_pull.h"
#include "json/json_writer.h"

/* A member that is left out when it is empty, NULL or zero. */
void wire_member_text(struct json_writer *w, const char *key, const char *text);
void wire_member_number(struct json_writer *w, const char *key, int64_t number);

/* An RFC 3339 time; INT64_MIN is the zero time. */
void wire_member_time(struct json_writer *w, const char *key, int64_t wall_ns);

/* A run id as /v1 has it: 16 integers. */
void wire_member_run_id(struct json_writer *w, const char *key, const struct run_id *id);

/* Appends the integers of an array, `total` of them: those of `bytes`, then zeros. */
void wire_put_bytes(struct json_writer *w, const void *bytes, size_t size, size_t total);

/* A run id as 32 hex digits. */
int wire_read_run_id_text(struct json_pull *pull, struct arena *arena, struct run_id *ret,
                          struct error *err);

#endif
