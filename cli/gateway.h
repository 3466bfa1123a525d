// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to the gateway's JSON API: one function that sends, checks the status and parses, so
 * that commands see documents or one sentence of what went wrong.
 */
#ifndef FANGS_CLI_GATEWAY_H
#define FANGS_CLI_GATEWAY_H

#include "base/buf.h"
#include "command.h"
#include "json/json.h"

/* Sends `method` `path` (from "/v1/...") with an optional JSON body. Returns EXIT_CODE_OK with the
 * document in `*ret` (NULL for an empty answer; the caller frees it), or the exit code that fits:
 * UNREACHABLE, NOT_FOUND, FAILED, with `*err` set. */
int gateway_call(const struct cli *cli, const char *method, const char *path,
                 const struct buf *body, struct json **ret, struct error *err);

/* GET with query pairs (name, value, ... NULL; pairs with a NULL value are left out). */
int gateway_get(const struct cli *cli, const char *path, const char *const *query,
                struct json **ret, struct error *err);

/* "<prefix><percent-encoded segment><suffix>"; the caller frees it. */
char *gateway_path(const char *prefix, const char *segment, const char *suffix);

#endif
