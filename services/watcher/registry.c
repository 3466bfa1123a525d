// SPDX-License-Identifier: Apache-2.0
#include "registry.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_client.h"

enum {
	URL_MAX = 8192,         /* the registry's own, and a name with each byte encoded */
	ETAG_MAX = 256,         /* longer ones are not worth a column; the poll is unconditional */
	ERROR_EXCERPT_MAX = 200 /* of an error answer's body, for the sentence */
};

struct registry {
	struct registry_options options;
	struct http_client *client;
};

const char *registry_outcome_name(enum registry_outcome outcome)
{
	static const char *const names[] = {
	        [REGISTRY_CHANGED] = "changed",     [REGISTRY_UNCHANGED] = "unchanged",
	        [REGISTRY_NOT_FOUND] = "not_found", [REGISTRY_THROTTLED] = "throttled",
	        [REGISTRY_FAILED] = "failed",
	};
	return names[outcome];
}

struct registry *registry_open(const struct registry_options *options, struct error *err)
{
	if (strncmp(options->url, "http://", 7) != 0 && strncmp(options->url, "https://", 8) != 0) {
		error_set_class(err, ERROR_FATAL, EINVAL,
		                "the registry must be an http:// or https:// URL, not '%s'",
		                options->url);
		return NULL;
	}
	struct http_client_options client_options = {
	        .user_agent = "fangs-watcher/" FANGS_VERSION,
	        .bearer_token = *options->token ? options->token : NULL,
	        .cancel = options->cancel,
	};
	struct http_client *client = http_client_create(&client_options, err);
	if (!client)
		return NULL;

	struct registry *registry = xcalloc(1, sizeof(*registry));
	*registry = (struct registry){.options = *options, .client = client};
	return registry;
}

void registry_close(struct registry *registry)
{
	if (!registry)
		return;
	http_client_destroy(registry->client);
	free(registry);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '~' || c == '@';
}

const char *registry_package_url(const char *base, const char *package, struct arena *arena)
{
	struct view server = view_of_string(base);
	AUTO(buf) struct buf url;

	while (view_ends_with(server, VIEW_LITERAL("/")))
		server.size--;
	buf_init(&url, URL_MAX);
	buf_append_view(&url, server);
	buf_append_char(&url, '/');
	for (const char *c = package; *c; c++) {
		if (is_plain(*c))
			buf_append_char(&url, *c);
		else
			buf_printf(&url, "%%%02x", (unsigned char)*c);
	}
	return arena_copy(arena, buf_view(&url)).data;
}

enum registry_outcome registry_classify(long status, int64_t retry_after_ms)
{
	switch (status) {
	case 200:
		return REGISTRY_CHANGED;
	case 304:
		return REGISTRY_UNCHANGED;
	case 404:
		return REGISTRY_NOT_FOUND;
	case 429:
		return REGISTRY_THROTTLED;
	case 503:
		return retry_after_ms ? REGISTRY_THROTTLED : REGISTRY_FAILED;
	default:
		return REGISTRY_FAILED;
	}
}

int64_t registry_retry_after_ms(const char *header, int64_t now_wall_ns)
{
	enum { SECONDS_MAX = 7 * 24 * 3600 }; /* keeps the arithmetic in range; callers cap lower */
	struct view text = view_trim(view_of_string(header));
	uint64_t seconds;
	struct tm date = {0};

	if (view_to_u64(text, &seconds))
		return (int64_t)(seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * MS_PER_S;
	if (text.size == 0 || !strptime(text.data, "%a, %d %b %Y %H:%M:%S GMT", &date))
		return 0;
	int64_t wait = (int64_t)timegm(&date) - now_wall_ns / NS_PER_S;
	if (wait <= 0)
		return 0;
	return (wait < SECONDS_MAX ? wait : SECONDS_MAX) * MS_PER_S;
}

/* The beginning of a body of unknown kind, as text which is safe to store. */
static void excerpt(struct view body, char text[ERROR_EXCERPT_MAX + 1])
{
	size_t size = body.size < ERROR_EXCERPT_MAX ? body.size : ERROR_EXCERPT_MAX;

	for (size_t i = 0; i < size; i++) {
		text[i] = body.data[i];
		if (text[i] < ' ' || text[i] > '~')
			text[i] = ' ';
	}
	text[size] = '\0';
}

static void explain(enum registry_outcome outcome, const char *package,
                    const struct http_answer *answer, struct error *err)
{
	char body[ERROR_EXCERPT_MAX + 1];

	excerpt(buf_view(&answer->body), body);
	if (outcome == REGISTRY_NOT_FOUND)
		error_set(err, ENOENT, "the registry has no package '%s' (404)", package);
	else if (outcome == REGISTRY_THROTTLED)
		error_set(err, EBUSY, "the registry asks to slow down (%ld)", answer->status);
	else
		error_set(err, EIO, "the registry answered %ld for '%s': %s", answer->status,
		          package, body);
}

static enum registry_outcome read_answer(const char *package, bool conditional,
                                         const struct http_answer *answer, struct arena *arena,
                                         struct registry_answer *ret, struct error *err)
{
	const char *etag = http_answer_header(answer, "etag");

	ret->retry_after_ms =
	        registry_retry_after_ms(http_answer_header(answer, "retry-after"), clock_wall_ns());
	if (etag && strlen(etag) <= ETAG_MAX)
		ret->etag = arena_strdup(arena, etag);

	enum registry_outcome outcome = registry_classify(answer->status, ret->retry_after_ms);
	if (outcome == REGISTRY_UNCHANGED && !conditional)
		outcome = REGISTRY_FAILED; /* nobody asked whether it had changed */
	if (outcome == REGISTRY_UNCHANGED)
		return outcome;
	if (outcome != REGISTRY_CHANGED) {
		explain(outcome, package, answer, err);
		return outcome;
	}
	if (packument_read(buf_view(&answer->body), arena, &ret->packument, err) < 0) {
		error_wrap(err, "bad registry document of '%s'", package);
		return REGISTRY_FAILED;
	}
	return REGISTRY_CHANGED;
}

enum registry_outcome registry_fetch(struct registry *registry, const char *package,
                                     const char *etag, struct arena *arena,
                                     struct registry_answer *ret, struct error *err)
{
	const struct http_header headers[] = {
	        {"Accept", "application/json"},
	        {"If-None-Match", etag},
	};
	struct http_call call = {
	        .method = "GET",
	        .url = registry_package_url(registry->options.url, package, arena),
	        .headers = headers,
	        .header_count = *etag ? 2 : 1,
	        .timeout_ms = registry->options.timeout_ms,
	        .answer_max_bytes = (size_t)registry->options.body_max_bytes,
	        .follow_redirects = true,
	};
	struct http_answer answer = {0};
	enum registry_outcome outcome = REGISTRY_FAILED;

	*ret = (struct registry_answer){.etag = ""};
	if (http_client_call(registry->client, &call, &answer, err) == 0)
		outcome = read_answer(package, *etag != '\0', &answer, arena, ret, err);
	http_answer_release(&answer);
	return outcome;
}
