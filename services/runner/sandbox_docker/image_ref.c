// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/image_ref.h"

/* The part behind the last `separator` that follows the last slash; cuts it from `*name`. */
static struct view cut_last(struct view *name, char separator)
{
	for (size_t i = name->size; i > 0; i--) {
		char c = name->data[i - 1];
		if (c == '/')
			break;
		if (c == separator) {
			struct view tail = view_of(name->data + i, name->size - i);
			name->size = i - 1;
			return tail;
		}
	}
	return (struct view){0};
}

struct image_ref image_ref_parse(struct view name)
{
	struct image_ref ref = {.repository = name};
	ref.digest = cut_last(&ref.repository, '@');
	struct view tag = cut_last(&ref.repository, ':');
	/* With both, the digest decides: a tag may have moved since. */
	if (ref.digest.size == 0)
		ref.tag = tag.size > 0 ? tag : VIEW_LITERAL("latest");
	return ref;
}

static struct view without_prefix(struct view v, struct view prefix)
{
	if (view_starts_with(v, prefix))
		return view_of(v.data + prefix.size, v.size - prefix.size);
	return v;
}

static struct view short_name(struct view repository)
{
	repository = without_prefix(repository, VIEW_LITERAL("docker.io/"));
	return without_prefix(repository, VIEW_LITERAL("library/"));
}

bool image_ref_matches(const struct image_ref *ref, struct view repo_digest)
{
	struct view repository = view_split(&repo_digest, '@');
	return view_equal(short_name(repository), short_name(ref->repository));
}
