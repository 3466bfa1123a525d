// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/docker_image.h"

#include <errno.h>
#include <stdio.h>

#include "sandbox_docker/image_ref.h"

enum {
	PATH_MAX_BYTES = 1400,
	PULL_LINE_MAX_BYTES = 64 * 1024,
	HTTP_OK = 200,
	STRINGS_MAX = 256,
};

/* Inspect. ----------------------------------------------------------------------------------- */

static const char **string_list(const struct json *array, struct arena *arena)
{
	size_t count = json_count(array);
	if (count > STRINGS_MAX)
		count = STRINGS_MAX;
	const char **list = arena_alloc(arena, count + 1, sizeof(*list));
	const struct json *item = json_first(array);
	for (size_t i = 0; i < count && item; i++, item = json_next(item))
		list[i] = arena_strdup(arena, json_string(item, ""));
	return list;
}

/* The digest of the repository that was asked for, else any, else none. */
static const char *choose_repo_digest(const struct json *digests, const char *name)
{
	struct image_ref ref = image_ref_parse(view_of_string(name));
	const char *first = NULL;
	for (const struct json *item = json_first(digests); item; item = json_next(item)) {
		const char *digest = json_string(item, "");
		if (image_ref_matches(&ref, view_of_string(digest)))
			return digest;
		if (!first)
			first = digest;
	}
	return first;
}

static const char *env_value(const struct json *env, const char *prefix)
{
	size_t size = strlen(prefix);
	for (const struct json *item = json_first(env); item; item = json_next(item)) {
		const char *text = json_string(item, "");
		if (strncmp(text, prefix, size) == 0)
			return text + size;
	}
	return "";
}

static void read_image(const struct json *image, const char *name, struct arena *arena,
                       struct docker_image *ret)
{
	const struct json *config = json_get(image, "Config");
	const char *repo_digest = choose_repo_digest(json_get(image, "RepoDigests"), name);
	ret->id = arena_strdup(arena, json_string(json_get(image, "Id"), ""));
	ret->reference = repo_digest ? arena_strdup(arena, repo_digest) : ret->id;
	const char *at = strchr(ret->reference, '@');
	ret->digest = at ? at + 1 : ret->id;
	ret->node_version =
	        arena_strdup(arena, env_value(json_get(config, "Env"), "NODE_VERSION="));
	ret->entrypoint = string_list(json_get(config, "Entrypoint"), arena);
	ret->command = string_list(json_get(config, "Cmd"), arena);
}

int docker_image_inspect(struct docker_api *api, const char *name, struct arena *arena,
                         struct docker_image *ret, struct error *err)
{
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/images/%s/json", name);
	const struct docker_call call = {.method = "GET", .path = path};
	AUTO(json) struct json *image = NULL;
	int r = docker_api_json(api, &call, HTTP_OK, 0, &image, err);
	if (r == 0)
		read_image(image, name, arena, ret);
	return r;
}

/* Pull. -------------------------------------------------------------------------------------- */

void pull_stream_init(struct pull_stream *stream)
{
	*stream = (struct pull_stream){0};
	buf_init(&stream->line, PULL_LINE_MAX_BYTES);
}

static void read_pull_line(struct pull_stream *stream)
{
	AUTO(json) struct json *line = json_parse(buf_view(&stream->line), false, NULL);
	const char *failure = json_string(json_get(json_get(line, "errorDetail"), "message"), NULL);
	if (!failure)
		failure = json_string(json_get(line, "error"), NULL);
	if (!failure) /* a refusal before the stream began */
		failure = json_string(json_get(line, "message"), NULL);
	if (failure && stream->failure[0] == '\0')
		(void)snprintf(stream->failure, sizeof(stream->failure), "%s", failure);
	buf_reset(&stream->line);
}

void pull_stream_feed(struct pull_stream *stream, struct view piece)
{
	while (piece.size > 0) {
		const char *newline = memchr(piece.data, '\n', piece.size);
		size_t size = newline ? (size_t)(newline - piece.data) : piece.size;
		buf_append(&stream->line, piece.data, size);
		if (!newline)
			return;
		read_pull_line(stream);
		piece = view_of(newline + 1, piece.size - size - 1);
	}
}

void pull_stream_end(struct pull_stream *stream)
{
	if (stream->line.size > 0)
		read_pull_line(stream);
}

void pull_stream_release(struct pull_stream *stream)
{
	buf_release(&stream->line);
}

static int on_pull_data(void *ctx, struct view piece)
{
	pull_stream_feed(ctx, piece);
	return 0;
}

int docker_image_pull(struct docker_api *api, const char *name, int64_t timeout_ms,
                      struct error *err)
{
	struct image_ref ref = image_ref_parse(view_of_string(name));
	struct view version = ref.digest.size > 0 ? ref.digest : ref.tag;
	char path[PATH_MAX_BYTES];
	(void)snprintf(path, sizeof(path), "/images/create?fromImage=%.*s&tag=%.*s",
	               VIEW_ARG(ref.repository), VIEW_ARG(version));
	struct pull_stream stream;
	pull_stream_init(&stream);
	const struct docker_call call = {
	        .method = "POST",
	        .path = path,
	        .body = VIEW_LITERAL(""),
	        .timeout_ms = timeout_ms,
	        .on_data = on_pull_data,
	        .ctx = &stream,
	};
	struct http_answer answer = {0};
	int r = docker_api_call(api, &call, &answer, err);
	pull_stream_end(&stream);
	if (r < 0)
		r = error_wrap(err, "cannot pull image '%s'", name);
	else if (answer.status != HTTP_OK || stream.failure[0] != '\0')
		r = error_set(err, EIO, "cannot pull image '%s': %s", name,
		              stream.failure[0] != '\0' ? stream.failure : "refused by Docker");
	http_answer_release(&answer);
	pull_stream_release(&stream);
	return r;
}

/* Policy. ------------------------------------------------------------------------------------ */

int docker_image_provide(struct docker_api *api, const char *name, const char *policy,
                         int64_t pull_timeout_ms, struct arena *arena, struct docker_image *ret,
                         struct error *err)
{
	if (strcmp(policy, "always") == 0) {
		int r = docker_image_pull(api, name, pull_timeout_ms, err);
		return r < 0 ? r : docker_image_inspect(api, name, arena, ret, err);
	}
	struct error missing = {0};
	int r = docker_image_inspect(api, name, arena, ret, &missing);
	if (r != -ENOENT) {
		if (r < 0 && err)
			*err = missing;
		return r;
	}
	if (strcmp(policy, "never") == 0)
		return error_set(err, ENOENT,
		                 "image '%s' is not on this host and pull_policy is never", name);
	r = docker_image_pull(api, name, pull_timeout_ms, err);
	return r < 0 ? r : docker_image_inspect(api, name, arena, ret, err);
}
