// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include <errno.h>

#include "base/clock.h"
#include "base/view.h"

enum { IMAGE_NAME_MAX = 512 };
static const int64_t GRACE_MAX_NS = INT64_C(24) * 3600 * NS_PER_S;

static bool is_image_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("._/:@-", c) != NULL);
}

/* The name becomes part of a URL, so nothing may walk out of its place in it. */
static bool image_name_valid(const char *image)
{
	struct view name = view_of_string(image);
	if (name.size == 0 || name.size > IMAGE_NAME_MAX || name.data[0] == '/')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		if (!is_image_char(name.data[i]))
			return false;
	}
	return strstr(image, "..") == NULL && strstr(image, "//") == NULL;
}

static int check_network(const char *mode, struct error *err)
{
	struct view v = view_of_string(mode);
	if (view_equal_ignoring_case(v, VIEW_LITERAL("host")))
		return error_set(err, EINVAL,
		                 "sandbox: network_mode 'host' would put hostile code on the "
		                 "host's network and is refused");
	if (v.size >= 10 &&
	    view_equal_ignoring_case(view_of(v.data, 10), VIEW_LITERAL("container:")))
		return error_set(err, EINVAL,
		                 "sandbox: network_mode '%s' joins another container and is "
		                 "refused",
		                 mode);
	return 0;
}

static int check_limit(const char *name, int64_t value, struct error *err)
{
	if (value < 0)
		return error_set(err, EINVAL, "sandbox: %s is negative", name);
	return 0;
}

static int check_pull_policy(const char *policy, struct error *err)
{
	static const char *const known[] = {"", "never", "missing", "always"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(policy, known[i]) == 0)
			return 0;
	}
	return error_set(err, EINVAL, "sandbox: pull_policy '%s' is none of never, missing, always",
	                 policy);
}

int sandbox_spec_check(const struct sandbox_spec *spec, struct error *err)
{
	if (!spec->image || spec->image[0] == '\0')
		return error_set(err, EINVAL, "sandbox: image is required");
	if (!image_name_valid(spec->image))
		return error_set(err, EINVAL, "sandbox: '%s' is no image name", spec->image);
	int r = check_network(spec->network_mode ? spec->network_mode : "", err);
	if (r == 0)
		r = check_pull_policy(spec->pull_policy ? spec->pull_policy : "", err);
	if (r == 0)
		r = check_limit("memory_bytes", spec->memory_bytes, err);
	if (r == 0)
		r = check_limit("nano_cpus", spec->nano_cpus, err);
	if (r == 0)
		r = check_limit("pids_limit", spec->pids_limit, err);
	if (r == 0)
		r = check_limit("grace_period", spec->grace_period_ns, err);
	if (r == 0 && spec->grace_period_ns > GRACE_MAX_NS)
		r = error_set(err, EINVAL, "sandbox: grace_period is longer than 24 hours");
	return r;
}
