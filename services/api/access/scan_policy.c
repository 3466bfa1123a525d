// SPDX-License-Identifier: Apache-2.0
#include "access/scan_policy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum { LIST_TEXT_MAX_BYTES = 512, SHOWN_MAX = 200 };
#define NANO_CPUS INT64_C(1000000000)

/* What runners take when a job does not say. */
#define DEFAULT_MEMORY_BYTES (INT64_C(512) << 20)
#define DEFAULT_PIDS 256

static bool is_host(const char *mode)
{
	return strcasecmp(mode, "host") == 0;
}

int scan_policy_validate(const struct scan_policy *policy, struct error *err)
{
	for (size_t i = 0; i < policy->network_modes.count; i++) {
		if (is_host(policy->network_modes.items[i]))
			return error_set(
			        err, EINVAL,
			        "api.policy.network_modes: 'host' is never allowed: hostile "
			        "code would be in the runner's own network");
	}
	return 0;
}

/* Whether `text` matches a pattern in which * is any text, with slashes, and ? one character. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			again = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static int refuse_text(const char *field, const char *value, const char *key,
                       const struct config_list *allowed, struct error *err)
{
	AUTO(buf) struct buf list;

	buf_init(&list, LIST_TEXT_MAX_BYTES);
	for (size_t i = 0; i < allowed->count; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", allowed->items[i]);
	return error_set_class(err, ERROR_DROP, EPERM,
	                       "%s '%.*s' is not allowed; api.policy.%s allows %s", field,
	                       SHOWN_MAX, value, key,
	                       list.overflowed ? "others"
	                       : list.size     ? list.data
	                                       : "none");
}

static bool has_match(const struct config_list *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->count; i++) {
		if (matches(patterns->items[i], text))
			return true;
	}
	return false;
}

static bool has(const struct config_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

/* Zero stands for `fallback`; `max` 0 for no limit. */
static int check_number(const char *field, int64_t value, int64_t fallback, const char *key,
                        int64_t max, struct error *err)
{
	int64_t effective = value == 0 ? fallback : value;

	if (effective < 0)
		return error_set_class(err, ERROR_DROP, EPERM,
		                       "%s %" PRId64 " is not allowed: it must not be negative",
		                       field, effective);
	if (max && effective > max)
		return error_set_class(err, ERROR_DROP, EPERM,
		                       "%s %" PRId64
		                       " is not allowed; api.policy.%s allows %" PRId64,
		                       field, effective, key, max);
	return 0;
}

/* In the field's own unit; what does not fit is no limit. */
static int64_t limit_in(int64_t max, int64_t unit)
{
	int64_t ret;

	return __builtin_mul_overflow(max, unit, &ret) ? 0 : ret;
}

static int check_sandbox(const struct scan_policy *policy, const struct sandbox_spec *sandbox,
                         struct error *err)
{
	const char *network = *sandbox->network_mode ? sandbox->network_mode : "bridge";
	const char *pull = *sandbox->pull_policy ? sandbox->pull_policy : "missing";

	if (policy->images.count && !has_match(&policy->images, sandbox->image))
		return refuse_text("sandbox.image", sandbox->image, "images", &policy->images, err);
	if (is_host(network) || !has(&policy->network_modes, network))
		return refuse_text("sandbox.network_mode", network, "network_modes",
		                   &policy->network_modes, err);
	if (!has(&policy->pull_policies, pull))
		return refuse_text("sandbox.pull_policy", pull, "pull_policies",
		                   &policy->pull_policies, err);
	if (check_number("sandbox.memory_bytes", sandbox->memory_bytes, DEFAULT_MEMORY_BYTES,
	                 "memory_max", policy->memory_max_bytes, err) < 0 ||
	    check_number("sandbox.nano_cpus", sandbox->nano_cpus, NANO_CPUS, "cpus_max",
	                 limit_in(policy->cpus_max, NANO_CPUS), err) < 0 ||
	    check_number("sandbox.pids_limit", sandbox->pids_limit, DEFAULT_PIDS, "pids_max",
	                 policy->pids_max, err) < 0)
		return -err->code;
	return check_number("sandbox.grace_period", sandbox->grace_period_ns, 0, "duration_max",
	                    limit_in(policy->duration_max_ms, NS_PER_MS), err);
}

int scan_policy_check(const struct scan_policy *policy, const struct job *job, struct error *err)
{
	if (check_number("duration", job->duration_ns, 0, "duration_max",
	                 limit_in(policy->duration_max_ms, NS_PER_MS), err) < 0)
		return -err->code;
	return job->has_sandbox ? check_sandbox(policy, &job->sandbox, err) : 0;
}
