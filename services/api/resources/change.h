// SPDX-License-Identifier: Apache-2.0
/* What the handlers that change something have in common. */
#ifndef FANGS_API_CHANGE_H
#define FANGS_API_CHANGE_H

#include "api.h"
#include "db/db.h"

/* Runs one statement on a connection of its own: the number of rows that it changed, or a negative
 * errno. */
int64_t change_exec(struct api *api, const struct db_statement *statement,
                    const struct db_param *params, size_t count, struct error *err);

/* Answers the removal of "<what>" `name`: 204, 404 when no row was removed, or the error. */
void change_reply_removed(struct api *api, struct http_request *request, const char *what,
                          const char *name, int64_t rows, const struct error *err);

/* {"name":"<name>"} with that status. */
void change_reply_name(struct http_request *request, int status, const char *name);

#endif
