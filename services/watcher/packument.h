// SPDX-License-Identifier: Apache-2.0
/*
 * A package's registry document ("packument"), reduced to what a poll needs: which version `latest`
 * names, and that version's tarball.
 *
 * Everything in it was written by strangers. Whatever leaves this module is valid UTF-8 without
 * control characters, bounded in length, and `latest` is a semver version: it later becomes part of
 * a command line.
 */
#ifndef FANGS_WATCHER_PACKUMENT_H
#define FANGS_WATCHER_PACKUMENT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/view.h"

enum packument_state {
	PACKUMENT_LIVE,
	PACKUMENT_UNPUBLISHED,   /* no version left; `time.unpublished` says so */
	PACKUMENT_SECURITY_HELD, /* npm replaced it by its placeholder, 0.0.1-security */
};

/* As stored in package_polls.registry_state: "", "unpublished", "security_held"; static. */
const char *packument_state_name(enum packument_state state);

struct packument {
	enum packument_state state;
	/* For LIVE only; strings live in the arena, absent ones are "". */
	const char *latest;
	const char *tarball_url;
	const char *shasum;      /* 40 hex digits, or "" */
	const char *integrity;   /* subresource integrity, "sha512-..." */
	int64_t published_at_ns; /* Unix time; INT64_MIN: unknown */
};

/* 0 and `*ret` filled, or a negative errno with what is wrong with the document. */
int packument_read(struct view body, struct arena *arena, struct packument *ret, struct error *err);

#endif
