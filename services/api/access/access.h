// SPDX-License-Identifier: Apache-2.0
/*
 * Who may do what: what a route asks of its asker (the `access` of its row in routes.c), who the
 * asker is, and whether that is enough.
 *
 * A viewer reads, an operator also changes, a runner speaks the runner protocol, for itself alone.
 * Who one is, is said by nobody (`none`: everybody may do everything), by a bearer token or by the
 * name in a client certificate. Tokens are looked up in the database and remembered for a few
 * seconds; that long a revoked one may still pass.
 */
#ifndef FANGS_API_ACCESS_H
#define FANGS_API_ACCESS_H

#include <pthread.h>
#include <stdbool.h>

#include "config/config.h"
#include "db/db.h"
#include "http/http_server.h"
#include "model/access_token.h"

enum access {
	ACCESS_ANYBODY,  /* health, probes, the dashboard's files */
	ACCESS_RUNNER,   /* the runner protocol */
	ACCESS_VIEWER,   /* reads */
	ACCESS_OPERATOR, /* changes */
	ACCESS_MASK = 0xff,
	/* Further bits. */
	ACCESS_OPS_ONLY = 0x100,  /* with a separate listener for operations, only there */
	ACCESS_JSON_BODY = 0x200, /* a body must say that it is JSON */
};

struct identity {
	const char *name; /* of the token or certificate; "" in mode none */
	enum access_role role;
	const char *runner_id; /* role runner: whom it speaks for */
};

enum access_mode { ACCESS_MODE_NONE, ACCESS_MODE_TOKEN, ACCESS_MODE_MTLS };
bool access_mode_parse(const char *text, enum access_mode *ret);

enum { ACCESS_SLOTS = 1024, ACCESS_KEPT_MS = 5000 };

struct access_slot;
struct access_control {
	enum access_mode mode;
	const struct config_list *operators, *viewers; /* names of certificates */
	const struct config_list *hosts;               /* for guard_admit() */
	struct db *db;
	pthread_mutex_t lock;
	struct access_slot *slots; /* a digest has one place, newcomers displace */
};

/* The configuration is borrowed. */
struct api_config;
void access_init(struct access_control *access, const struct api_config *config, struct db *db);
void access_release(struct access_control *access);
/* A token was revoked here: look all of them up again. */
void access_forget(struct access_control *access);

/* For http_server_options.admit, with the struct api as ctx: answers 401, 403 or 503 itself. Every
 * handler's request has an identity after it. */
bool access_admit(void *ctx, struct http_request *request);

/* For http_server_options.welcome: false only for who will be refused, as far as that is known
 * without the database. */
bool access_welcome(void *ctx, struct http_request *request);

/* Never NULL behind access_admit(). */
const struct identity *access_identity(const struct http_request *request);

/* The runner that the asker must be, or NULL when it may be any. */
const char *access_bound_runner(const struct http_request *request);
/* Whether the asker may speak for that runner; otherwise it was answered 403. */
bool access_check_runner(struct http_request *request, const char *runner_id);

/* Pure, for tests. */
bool access_role_suffices(enum access_role role, enum access access);
enum access_role access_certificate_role(const char *name, const struct config_list *operators,
                                         const struct config_list *viewers);
/* The token of an Authorization header; empty when there is none. */
struct view access_bearer(const char *authorization);

#endif
