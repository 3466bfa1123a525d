// SPDX-License-Identifier: Apache-2.0
#include "deviation.h"

#include <openssl/sha.h>

#include "base/hex.h"
#include "base/utf8.h"

enum { ID_BYTES = 16, REASON_VALUE_MAX = 200 };

static const struct {
	enum severity severity;
	const char *did;
} categories[CATEGORY_COUNT] = {
        [CATEGORY_DESTINATION] = {SEVERITY_WARN, "connected to"},
        [CATEGORY_DNS] = {SEVERITY_WARN, "resolved the name"},
        [CATEGORY_HTTPS_HOST] = {SEVERITY_WARN, "named the TLS host"},
        [CATEGORY_PATH_READ] = {SEVERITY_INFO, "read"},
        [CATEGORY_PATH_WRITE] = {SEVERITY_INFO, "wrote"},
        [CATEGORY_EXEC] = {SEVERITY_WARN, "ran"},
};

enum severity deviation_severity(enum category category, bool cred, enum mark mark)
{
	enum severity own = cred ? SEVERITY_CRIT : categories[category].severity;
	enum severity marked = mark_severity(mark);
	return marked > own ? marked : own;
}

static const char *who(enum actor actor)
{
	switch (actor) {
	case ACTOR_MANAGER:
		return "the package manager";
	case ACTOR_PACKAGE:
		return "code of a package";
	case ACTOR_UNKNOWN:
		break;
	}
	return "the installation";
}

static const char *reason_of(struct arena *arena, const struct deviation_source *source)
{
	struct view value = utf8_prefix(source->value, REASON_VALUE_MAX);
	return arena_printf(
	        arena, "%s %s '%.*s%s'%s%s, which no accepted run of %s has done before",
	        who(source->actor), categories[source->category].did, VIEW_ARG(value),
	        value.size < source->value.size ? "..." : "", source->cred ? ", a credential" : "",
	        mark_reason(source->mark), source->package);
}

/* The first half of SHA-256(run id|category|actor|value), in hex. */
char *deviation_id(struct arena *arena, const char *run_id, enum category category,
                   enum actor actor, struct view value)
{
	const char *text = arena_printf(arena, "%s|%s|%s|%.*s", run_id, category_name(category),
	                                actor_name(actor), VIEW_ARG(value));
	unsigned char digest[SHA256_DIGEST_LENGTH];
	(void)SHA256((const unsigned char *)text, strlen(text), digest);
	char *id = arena_alloc(arena, DEVIATION_ID_SIZE, 1);
	hex_encode(digest, ID_BYTES, id);
	return id;
}

void deviation_make(struct arena *arena, const struct deviation_source *source,
                    struct deviation_message *ret)
{
	*ret = (struct deviation_message){
	        .id = deviation_id(arena, source->run_id, source->category, source->actor,
	                           source->value),
	        .run_id = source->run_id,
	        .package = source->package,
	        .version = source->version,
	        .category = category_name(source->category),
	        .value = arena_copy(arena, source->value).data,
	        .severity = severity_name(
	                deviation_severity(source->category, source->cred, source->mark)),
	        .actor = actor_name(source->actor),
	        .reason = reason_of(arena, source),
	        .process = source->process,
	        .command = source->command,
	        .tree = source->tree,
	        .evidence_event_id = source->evidence_event_id,
	        .detected_at_ns = source->detected_at_ns,
	};
}
