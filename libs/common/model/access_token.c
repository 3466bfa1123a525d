// SPDX-License-Identifier: Apache-2.0
#include "model/access_token.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/random.h"

enum {
	SECRET_SIZE = 32,
	SECRET_TEXT_SIZE = 43, /* base64url without padding */
	PREFIX_SIZE = 8,       /* "fangs_o_" */
	LETTER_AT = 6,
	SPACE = 0x20,
	DELETE = 0x7f,
};

#define UTC(t) "to_char(" t " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define CREATED_AT UTC("created_at") " AS created_at"
#define EXPIRES_AT UTC("expires_at") " AS expires_at"
#define LAST_USED_AT UTC("last_used_at") " AS last_used_at"
#define REVOKED_AT UTC("revoked_at") " AS revoked_at"

static const struct db_statement insert_token = {
        "access_token_insert",
        "INSERT INTO access_tokens (id, name, role, runner_id, token_sha256, created_by,"
        "  expires_at)"
        " VALUES ($1, $2, $3, $4, $5::bytea, $6, now() + $7::bigint * interval '1 second')"
        " ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING"};

static const struct db_statement revoke_token = {
        "access_token_revoke", "UPDATE access_tokens SET revoked_at = now()"
                               " WHERE revoked_at IS NULL AND (id = $1 OR name = $1)"};

static const struct db_statement list_tokens = {
        "access_token_list",
        "SELECT json_build_object('items', COALESCE(json_agg(t), '[]'))::text FROM"
        " (SELECT id, name, role, runner_id,"
        "   CASE WHEN revoked_at IS NOT NULL THEN 'revoked'"
        "    WHEN expires_at <= now() THEN 'expired' ELSE 'active' END AS state,"
        "   " CREATED_AT ", created_by, " EXPIRES_AT ", " LAST_USED_AT ", " REVOKED_AT
        "  FROM access_tokens a ORDER BY a.created_at DESC, id) t"};

static const struct db_statement find_token = {
        "access_token_find",
        "WITH found AS (SELECT id, name, role, runner_id, last_used_at FROM access_tokens"
        "  WHERE token_sha256 = $1::bytea AND revoked_at IS NULL"
        "   AND (expires_at IS NULL OR expires_at > now())),"
        " used AS (UPDATE access_tokens a SET last_used_at = date_trunc('minute', now())"
        "  FROM found f WHERE a.id = f.id"
        "   AND (f.last_used_at IS NULL OR f.last_used_at < now() - interval '1 minute'))"
        " SELECT name, role, COALESCE(runner_id, '') FROM found"};

static const struct {
	const char *name;
	char letter;
} roles[] = {
        [ROLE_NONE] = {"", '\0'},
        [ROLE_VIEWER] = {"viewer", 'v'},
        [ROLE_OPERATOR] = {"operator", 'o'},
        [ROLE_RUNNER] = {"runner", 'r'},
};
enum { ROLE_COUNT = sizeof(roles) / sizeof(roles[0]) };

const char *access_role_name(enum access_role role)
{
	return roles[role].name;
}

bool access_role_parse(const char *text, enum access_role *ret)
{
	for (int role = ROLE_VIEWER; role < ROLE_COUNT; role++) {
		if (strcmp(roles[role].name, text) == 0) {
			*ret = (enum access_role)role;
			return true;
		}
	}
	return false;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* base64url: six bits a character, what is left over first. */
static void write_secret(const uint8_t secret[SECRET_SIZE], char *text)
{
	unsigned bits = 0, count = 0;
	size_t at = 0;

	for (size_t i = 0; i < SECRET_SIZE; i++) {
		bits = bits << 8 | secret[i];
		for (count += 8; count >= 6; count -= 6)
			text[at++] = alphabet[bits >> (count - 6) & 0x3f];
		bits &= (1U << count) - 1;
	}
	text[at++] = alphabet[bits << (6 - count) & 0x3f];
	text[at] = '\0';
}

bool access_token_digest(struct view text, uint8_t ret[ACCESS_TOKEN_DIGEST_SIZE])
{
	if (text.size != ACCESS_TOKEN_TEXT_SIZE - 1 || memcmp(text.data, "fangs_", LETTER_AT) != 0)
		return false;
	(void)SHA256((const unsigned char *)text.data, text.size, ret);
	return true;
}

static void make_text(enum access_role role, char text[ACCESS_TOKEN_TEXT_SIZE])
{
	uint8_t secret[SECRET_SIZE];

	_Static_assert(PREFIX_SIZE + SECRET_TEXT_SIZE + 1 == ACCESS_TOKEN_TEXT_SIZE, "token size");
	random_bytes(secret, sizeof(secret));
	(void)snprintf(text, PREFIX_SIZE + 1, "fangs_%c_", roles[role].letter);
	write_secret(secret, text + PREFIX_SIZE);
}

static bool is_name(const char *text, size_t max)
{
	size_t size = strlen(text);

	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < SPACE || text[i] == DELETE)
			return false;
	}
	return size > 0 && size <= max;
}

static int check(const struct access_token *token, const char *runner_id, struct error *err)
{
	if (!is_name(token->name, ACCESS_TOKEN_NAME_MAX))
		return error_set(err, EINVAL,
		                 "a token's name has 1 to %d bytes and no control characters",
		                 ACCESS_TOKEN_NAME_MAX);
	if (token->role == ROLE_NONE)
		return error_set(err, EINVAL, "a token's role is viewer, operator or runner");
	if (!runner_id && *token->runner_id)
		return error_set(err, EINVAL, "only a token of role runner has a runner id");
	if (runner_id && !is_name(runner_id, ACCESS_TOKEN_RUNNER_ID_MAX))
		return error_set(err, EINVAL,
		                 "a runner id has 1 to %d bytes and no control characters",
		                 ACCESS_TOKEN_RUNNER_ID_MAX);
	if (token->expires_in_s < 0)
		return error_set(err, EINVAL, "a token cannot have expired already");
	return 0;
}

int access_token_create(struct db_conn *conn, const struct access_token *token,
                        struct access_token_made *ret, struct error *err)
{
	const char *runner_id = NULL;
	uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE];

	if (token->role == ROLE_RUNNER)
		runner_id = *token->runner_id ? token->runner_id : token->name;
	if (check(token, runner_id, err) < 0)
		return -err->code;
	random_hex(ret->id, ACCESS_TOKEN_ID_SIZE / 2);
	make_text(token->role, ret->text);
	(void)access_token_digest(view_of_string(ret->text), digest);
	ret->runner_id = runner_id;
	const struct db_param params[] = {
	        DB_TEXT(ret->id),
	        DB_TEXT(token->name),
	        DB_TEXT(access_role_name(token->role)),
	        DB_TEXT(runner_id),
	        DB_BYTES(digest, sizeof(digest)),
	        DB_TEXT(token->created_by),
	        token->expires_in_s ? DB_INT(token->expires_in_s) : DB_NULL,
	};
	int64_t rows =
	        db_exec(conn, &insert_token, params, sizeof(params) / sizeof(params[0]), err);
	if (rows < 0)
		return (int)rows;
	if (rows == 0)
		return error_set(err, EEXIST, "a token with the name '%s' is in use", token->name);
	return 0;
}

int access_token_revoke(struct db_conn *conn, const char *id_or_name, struct error *err)
{
	const struct db_param params[] = {DB_TEXT(id_or_name)};
	int64_t rows = db_exec(conn, &revoke_token, params, 1, err);

	if (rows < 0)
		return (int)rows;
	return rows > 0;
}

int access_token_list(struct db_conn *conn, struct buf *out, struct error *err)
{
	AUTO(pgresult) PGresult *result = db_query(conn, &list_tokens, NULL, 0, err);

	if (!result)
		return -err->code;
	buf_append_string(out, db_cell(result, 0, 0));
	return out->overflowed ? error_set(err, E2BIG, "there are too many tokens to list") : 0;
}

int access_token_find(struct db_conn *conn, const uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE],
                      struct arena *arena, struct access_token_owner *ret, struct error *err)
{
	const struct db_param params[] = {DB_BYTES(digest, ACCESS_TOKEN_DIGEST_SIZE)};
	AUTO(pgresult) PGresult *result = db_query(conn, &find_token, params, 1, err);

	if (!result)
		return -err->code;
	*ret = (struct access_token_owner){.name = "", .runner_id = "", .role = ROLE_NONE};
	if (PQntuples(result) == 0)
		return 0;
	ret->name = arena_strdup(arena, db_cell(result, 0, 0));
	(void)access_role_parse(db_cell(result, 0, 1), &ret->role);
	ret->runner_id = arena_strdup(arena, db_cell(result, 0, 2));
	return 0;
}
