// SPDX-License-Identifier: Apache-2.0
/*
 * An npm registry over HTTP: one conditional request per poll, its answer reduced to what the
 * watcher has to do about it.
 *
 * A client belongs to one thread.
 */
#ifndef FANGS_WATCHER_REGISTRY_H
#define FANGS_WATCHER_REGISTRY_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "packument.h"

struct registry;

struct registry_options {
	const char *url;   /* "https://registry.npmjs.org", with or without '/' at its end */
	const char *token; /* bearer token for a private registry; "" for none */
	int64_t timeout_ms;
	int64_t body_max_bytes;
	const atomic_bool *cancel; /* makes a request in flight fail */
};

enum registry_outcome {
	REGISTRY_CHANGED,   /* `packument` is filled */
	REGISTRY_UNCHANGED, /* 304: what was seen last still holds */
	REGISTRY_NOT_FOUND, /* 404: the name is not there (any more) */
	REGISTRY_THROTTLED, /* 429, or 503 with Retry-After: leave the whole registry alone */
	REGISTRY_FAILED,    /* anything else; `*err` says what */
};
const char *registry_outcome_name(enum registry_outcome outcome); /* metric label; static */

struct registry_answer {
	struct packument packument;
	const char *etag;       /* "" when the registry sent none; lives in the arena */
	int64_t retry_after_ms; /* as the registry asked; 0 when it did not */
};

/* `url` and `token` are borrowed. NULL when the URL is unusable. */
struct registry *registry_open(const struct registry_options *options, struct error *err);
void registry_close(struct registry *registry);
DEFINE_AUTO(registry, struct registry *, registry_close)

/* Asks for `package`; `etag` is what the last answer carried, or "". `*err` holds a sentence for
 * every outcome but CHANGED and UNCHANGED. */
enum registry_outcome registry_fetch(struct registry *registry, const char *package,
                                     const char *etag, struct arena *arena,
                                     struct registry_answer *ret, struct error *err);

/* The parts without a network, for tests. */

/* "<base>/@scope%2fname", everything but unreserved characters and '@' percent-encoded. */
const char *registry_package_url(const char *base, const char *package, struct arena *arena);
enum registry_outcome registry_classify(long status, int64_t retry_after_ms);
/* Retry-After in either of its forms (seconds, HTTP date); 0 when it is absent or nonsense. */
int64_t registry_retry_after_ms(const char *header, int64_t now_wall_ns);

#endif
