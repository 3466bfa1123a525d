// SPDX-License-Identifier: Apache-2.0
/*
 * Bearer tokens: "fangs_", the role's letter, "_" and 32 random bytes as base64url. The text is
 * shown once, when it is made; the database has its SHA-256. It is found there by that digest, so
 * that nothing about a token can be learnt from how long a comparison takes.
 *
 * Made by `fangs token` on the database itself (somebody has to be first) and by the gateway.
 */
#ifndef FANGS_MODEL_ACCESS_TOKEN_H
#define FANGS_MODEL_ACCESS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "db/db.h"

enum access_role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_RUNNER };
const char *access_role_name(enum access_role role); /* "" for none */
bool access_role_parse(const char *text, enum access_role *ret);

enum {
	ACCESS_TOKEN_TEXT_SIZE = 52, /* with the NUL */
	ACCESS_TOKEN_DIGEST_SIZE = 32,
	ACCESS_TOKEN_ID_SIZE = 13, /* with the NUL */
	ACCESS_TOKEN_NAME_MAX = 128,
	ACCESS_TOKEN_RUNNER_ID_MAX = 256,
};

/* False when the text cannot be a token. */
bool access_token_digest(struct view text, uint8_t ret[ACCESS_TOKEN_DIGEST_SIZE]);

struct access_token {
	const char *name;
	enum access_role role;
	const char *runner_id; /* of role runner; "" there: the name */
	const char *created_by;
	int64_t expires_in_s; /* 0: never */
};

struct access_token_made {
	char id[ACCESS_TOKEN_ID_SIZE];
	char text[ACCESS_TOKEN_TEXT_SIZE];
	const char *runner_id; /* of the token given */
};

/* -EEXIST (DROP) when a token of that name is in use; -EINVAL (DROP) for a bad name or role. */
int access_token_create(struct db_conn *conn, const struct access_token *token,
                        struct access_token_made *ret, struct error *err);

/* By its id or, of those in use, its name. 1: done; 0: there is none. */
int access_token_revoke(struct db_conn *conn, const char *id_or_name, struct error *err);

/* {"items":[...]}, as the gateway lists them. */
int access_token_list(struct db_conn *conn, struct buf *out, struct error *err);

/* Who it is that has a token of that digest; notes at most once a minute that it was used. Text is
 * in the arena. */
struct access_token_owner {
	const char *name, *runner_id;
	enum access_role role; /* ROLE_NONE: unknown, expired or revoked */
};
int access_token_find(struct db_conn *conn, const uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE],
                      struct arena *arena, struct access_token_owner *ret, struct error *err);

#endif
