// SPDX-License-Identifier: Apache-2.0
#include "access/access.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "access/guard.h"
#include "api.h"
#include "base/alloc.h"
#include "base/clock.h"

struct access_slot {
	int64_t until_ms; /* 0: empty */
	uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE];
	enum access_role role; /* ROLE_NONE: no such token */
	char name[ACCESS_TOKEN_NAME_MAX + 1];
	char runner_id[ACCESS_TOKEN_RUNNER_ID_MAX + 1];
};

static const struct identity everybody = {.name = "", .role = ROLE_NONE, .runner_id = NULL};

bool access_mode_parse(const char *text, enum access_mode *ret)
{
	static const char *const names[] = {
	        [ACCESS_MODE_NONE] = "none",
	        [ACCESS_MODE_TOKEN] = "token",
	        [ACCESS_MODE_MTLS] = "mtls",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text) == 0) {
			*ret = (enum access_mode)i;
			return true;
		}
	}
	return false;
}

void access_init(struct access_control *access, const struct api_config *config, struct db *db)
{
	/* The option table allows its names only. */
	(void)access_mode_parse(config->auth, &access->mode);
	access->db = db;
	access->operators = &config->tls_operators;
	access->viewers = &config->tls_viewers;
	/* Elsewhere a page that is not ours has no credentials either. */
	if (access->mode == ACCESS_MODE_NONE && api_config_is_loopback(config))
		access->hosts = &config->hosts;
	pthread_mutex_init(&access->lock, NULL);
	access->slots = xcalloc(ACCESS_SLOTS, sizeof(*access->slots));
}

void access_release(struct access_control *access)
{
	pthread_mutex_destroy(&access->lock);
	free(access->slots);
}

void access_forget(struct access_control *access)
{
	pthread_mutex_lock(&access->lock);
	for (size_t i = 0; i < ACCESS_SLOTS; i++)
		access->slots[i].until_ms = 0;
	pthread_mutex_unlock(&access->lock);
}

bool access_role_suffices(enum access_role role, enum access access)
{
	switch (access) {
	case ACCESS_ANYBODY:
		return true;
	case ACCESS_RUNNER:
		return role == ROLE_RUNNER;
	case ACCESS_VIEWER:
		return role == ROLE_VIEWER || role == ROLE_OPERATOR;
	default:
		return role == ROLE_OPERATOR;
	}
}

static bool has(const struct config_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], name) == 0)
			return true;
	}
	return false;
}

enum access_role access_certificate_role(const char *name, const struct config_list *operators,
                                         const struct config_list *viewers)
{
	if (!name || !*name)
		return ROLE_NONE;
	if (has(operators, name))
		return ROLE_OPERATOR;
	return has(viewers, name) ? ROLE_VIEWER : ROLE_RUNNER;
}

struct view access_bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (!authorization || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return view_of(NULL, 0);
	return view_trim(view_of_string(authorization + sizeof(scheme) - 1));
}

/* The digest is uniform already. */
static struct access_slot *slot_of(struct access_control *access, const uint8_t *digest)
{
	return &access->slots[(digest[0] | (size_t)digest[1] << 8) % ACCESS_SLOTS];
}

static const struct identity *identity_in(struct arena *arena, enum access_role role,
                                          const char *name, const char *runner_id)
{
	struct identity *identity = arena_alloc(arena, 1, sizeof(*identity));

	identity->role = role;
	identity->name = arena_strdup(arena, name);
	identity->runner_id = role == ROLE_RUNNER ? arena_strdup(arena, runner_id) : NULL;
	return identity;
}

static const struct identity *remembered(struct access_control *access, const uint8_t *digest,
                                         struct arena *arena)
{
	const struct access_slot *slot = slot_of(access, digest);
	const struct identity *ret = NULL;

	pthread_mutex_lock(&access->lock);
	if (slot->until_ms > clock_monotonic_ms() &&
	    memcmp(slot->digest, digest, sizeof(slot->digest)) == 0)
		ret = identity_in(arena, slot->role, slot->name, slot->runner_id);
	pthread_mutex_unlock(&access->lock);
	return ret;
}

static void remember(struct access_control *access, const uint8_t *digest,
                     const struct identity *identity)
{
	struct access_slot *slot = slot_of(access, digest);
	const char *runner_id = identity->runner_id ? identity->runner_id : "";

	pthread_mutex_lock(&access->lock);
	memcpy(slot->digest, digest, sizeof(slot->digest));
	slot->role = identity->role;
	(void)snprintf(slot->name, sizeof(slot->name), "%s", identity->name);
	(void)snprintf(slot->runner_id, sizeof(slot->runner_id), "%s", runner_id);
	slot->until_ms = clock_monotonic_ms() + ACCESS_KEPT_MS;
	pthread_mutex_unlock(&access->lock);
}

/* NULL: the database does not answer. */
static const struct identity *look_up(struct access_control *access, const uint8_t *digest,
                                      struct arena *arena, struct error *err)
{
	struct access_token_owner owner;
	AUTO(db_conn) struct db_conn *conn = db_acquire(access->db, err);

	if (!conn || access_token_find(conn, digest, arena, &owner, err) < 0)
		return NULL;
	const struct identity *ret = identity_in(arena, owner.role, owner.name, owner.runner_id);
	remember(access, digest, ret);
	return ret;
}

static const struct identity *identify_by_token(struct access_control *access,
                                                struct http_request *request, struct error *err)
{
	struct view token = access_bearer(http_request_header(request, "Authorization"));
	struct arena *arena = http_request_arena(request);
	uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE];

	if (!access_token_digest(token, digest))
		return &everybody;
	const struct identity *ret = remembered(access, digest, arena);
	return ret ? ret : look_up(access, digest, arena, err);
}

static const struct identity *identify_by_certificate(const struct access_control *access,
                                                      struct http_request *request)
{
	const char *name = http_request_tls_name(request);
	enum access_role role = access_certificate_role(name, access->operators, access->viewers);

	return role == ROLE_NONE ? &everybody
	                         : identity_in(http_request_arena(request), role, name, name);
}

static void refuse(const struct access_control *access, struct http_request *request,
                   const struct identity *identity)
{
	if (identity->role != ROLE_NONE) {
		http_reply_error(request, 403, "the role %s of '%s' does not allow this",
		                 access_role_name(identity->role), identity->name);
	} else if (access->mode == ACCESS_MODE_TOKEN) {
		bool given = http_request_header(request, "Authorization") != NULL;

		http_reply_header(request, "WWW-Authenticate",
		                  given ? "Bearer realm=\"fangs\", error=\"invalid_token\""
		                        : "Bearer realm=\"fangs\"");
		http_reply_error(request, 401, "%s",
		                 given ? "the token is unknown, expired or revoked"
		                       : "a bearer token is required (see fangs token)");
	} else {
		http_reply_error(request, 403, "the client certificate has no name");
	}
}

bool access_admit(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct access_control *access = &api->access;
	enum access wanted = (enum access)(http_request_access(request) & ACCESS_MASK);
	const struct identity *identity = &everybody;
	struct error err = {0};

	if (!guard_admit(request, access->hosts))
		return false;
	if (wanted != ACCESS_ANYBODY && access->mode == ACCESS_MODE_TOKEN)
		identity = identify_by_token(access, request, &err);
	else if (wanted != ACCESS_ANYBODY && access->mode == ACCESS_MODE_MTLS)
		identity = identify_by_certificate(access, request);
	if (!identity) {
		failure_reply(&api->failures, request, &err);
		return false;
	}
	if (access->mode != ACCESS_MODE_NONE && !access_role_suffices(identity->role, wanted)) {
		refuse(access, request, identity);
		return false;
	}
	http_request_set_identity(request, identity);
	return (http_request_access(request) & ACCESS_JSON_BODY) == 0 || guard_admit_body(request);
}

static bool token_may_suffice(struct access_control *access, struct http_request *request,
                              enum access wanted)
{
	struct view token = access_bearer(http_request_header(request, "Authorization"));
	uint8_t digest[ACCESS_TOKEN_DIGEST_SIZE];

	if (!access_token_digest(token, digest))
		return false;
	const struct identity *identity = remembered(access, digest, http_request_arena(request));
	return !identity || access_role_suffices(identity->role, wanted);
}

bool access_welcome(void *ctx, struct http_request *request)
{
	struct access_control *access = &((struct api *)ctx)->access;
	enum access wanted = (enum access)(http_request_access(request) & ACCESS_MASK);

	if (wanted == ACCESS_ANYBODY || access->mode == ACCESS_MODE_NONE)
		return true;
	if (access->mode == ACCESS_MODE_TOKEN)
		return token_may_suffice(access, request, wanted);
	return access_role_suffices(identify_by_certificate(access, request)->role, wanted);
}

const struct identity *access_identity(const struct http_request *request)
{
	const struct identity *identity = http_request_identity(request);

	return identity ? identity : &everybody;
}

const char *access_bound_runner(const struct http_request *request)
{
	return access_identity(request)->runner_id;
}

bool access_check_runner(struct http_request *request, const char *runner_id)
{
	const char *bound = access_bound_runner(request);

	if (!bound || strcmp(bound, runner_id) == 0)
		return true;
	http_reply_error(request, 403, "these credentials are runner '%s''s and not '%s''s", bound,
	                 runner_id);
	return false;
}
