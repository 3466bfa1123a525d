// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "text.h"

/* The existing system's list, complete and in its order. There are no IPv6 ranges in it. */
static const char *const builtin_ranges[] = {
        /* Cloudflare */
        "103.21.244.0/22",
        "103.22.200.0/22",
        "103.31.4.0/22",
        "104.16.0.0/13",
        "104.24.0.0/14",
        "108.162.192.0/18",
        "131.0.72.0/22",
        "141.101.64.0/18",
        "162.158.0.0/15",
        "172.64.0.0/13",
        "173.245.48.0/20",
        "188.114.96.0/20",
        "190.93.240.0/20",
        "197.234.240.0/22",
        "198.41.128.0/17",
        /* GitHub */
        "140.82.112.0/20",
        "143.55.64.0/20",
        "185.199.108.0/22",
        "192.30.252.0/22",
        /* Google */
        "142.250.0.0/15",
        "172.217.0.0/16",
        "216.58.192.0/19",
        "172.253.0.0/16",
        "74.125.0.0/16",
        /* Fastly */
        "151.101.0.0/16",
        "199.232.0.0/16",
        /* CloudFront */
        "13.32.0.0/15",
        "13.224.0.0/14",
        "52.84.0.0/15",
        "54.182.0.0/16",
        "54.192.0.0/16",
        "54.230.0.0/16",
        "99.86.0.0/16",
        "204.246.164.0/22",
};

enum { HOST_MAX_BYTES = 4096 };

struct filter_rules {
	char *package; /* NULL for those of all packages */
	struct cidr *cidrs;
	size_t cidr_count;
	char **paths;
	size_t path_count;
	char **hosts;
	size_t host_count;
	struct filter_rules *next;
};

struct filter {
	struct filter_rules global;
	struct filter_rules *packages;
};

static void add_cidr(struct filter_rules *rules, const struct cidr *cidr)
{
	rules->cidrs = xrealloc(rules->cidrs, rules->cidr_count + 1, sizeof(*rules->cidrs));
	rules->cidrs[rules->cidr_count++] = *cidr;
}

static void add_text(char ***items, size_t *count, struct view text)
{
	*items = xrealloc(*items, *count + 1, sizeof(**items));
	(*items)[(*count)++] = view_dup(text);
}

struct filter *filter_create(void)
{
	struct filter *filter = xcalloc(1, sizeof(*filter));
	for (size_t i = 0; i < sizeof(builtin_ranges) / sizeof(builtin_ranges[0]); i++) {
		struct cidr cidr;
		if (cidr_parse(view_of_string(builtin_ranges[i]), &cidr))
			add_cidr(&filter->global, &cidr);
	}
	return filter;
}

static void release_rules(struct filter_rules *rules)
{
	for (size_t i = 0; i < rules->path_count; i++)
		free(rules->paths[i]);
	for (size_t i = 0; i < rules->host_count; i++)
		free(rules->hosts[i]);
	free(rules->paths);
	free(rules->hosts);
	free(rules->cidrs);
	free(rules->package);
}

void filter_destroy(struct filter *filter)
{
	if (!filter)
		return;
	release_rules(&filter->global);
	while (filter->packages) {
		struct filter_rules *rules = filter->packages;
		filter->packages = rules->next;
		release_rules(rules);
		free(rules);
	}
	free(filter);
}

static struct filter_rules *find_rules(const struct filter *filter, const char *package)
{
	struct filter_rules *rules = filter->packages;
	while (rules && strcmp(rules->package, package) != 0)
		rules = rules->next;
	return rules;
}

static struct filter_rules *rules_for(struct filter *filter, const char *package)
{
	if (!package)
		return &filter->global;
	struct filter_rules *rules = find_rules(filter, package);
	if (!rules) {
		rules = xcalloc(1, sizeof(*rules));
		rules->package = xstrdup(package);
		rules->next = filter->packages;
		filter->packages = rules;
	}
	return rules;
}

int filter_add(struct filter *filter, locale_t locale, const char *package, const char *kind,
               const char *value, struct error *err)
{
	struct view text = view_of_string(value);
	if (strcmp(kind, "cidr") == 0) {
		struct cidr cidr;
		if (!cidr_parse(text, &cidr))
			return error_set(err, EINVAL, "allow entry: '%s' is no address range",
			                 value);
		add_cidr(rules_for(filter, package), &cidr);
		return 0;
	}
	/* An empty prefix would silence the whole sensor. */
	if (text.size == 0)
		return error_set(err, EINVAL, "allow entry: empty value of kind '%s'", kind);
	if (strcmp(kind, "path") == 0) {
		struct filter_rules *rules = rules_for(filter, package);
		add_text(&rules->paths, &rules->path_count, text);
		return 0;
	}
	if (strcmp(kind, "sni") == 0) {
		AUTO(buf) struct buf lower;
		buf_init(&lower, HOST_MAX_BYTES);
		struct filter_rules *rules = rules_for(filter, package);
		add_text(&rules->hosts, &rules->host_count,
		         text_lower(locale, text_trim(text), &lower));
		return 0;
	}
	return error_set(err, EINVAL, "allow entry: unknown kind '%s'", kind);
}

const struct filter_rules *filter_package(const struct filter *filter, const char *package)
{
	return find_rules(filter, package);
}

static bool has_address(const struct filter_rules *rules, const struct ip *ip)
{
	for (size_t i = 0; i < rules->cidr_count; i++) {
		if (cidr_contains(&rules->cidrs[i], ip))
			return true;
	}
	return false;
}

static bool has_prefix_of(const struct filter_rules *rules, struct view path)
{
	for (size_t i = 0; i < rules->path_count; i++) {
		if (view_starts_with(path, view_of_string(rules->paths[i])))
			return true;
	}
	return false;
}

static bool has_host(const struct filter_rules *rules, struct view host)
{
	for (size_t i = 0; i < rules->host_count; i++) {
		if (view_is(host, rules->hosts[i]))
			return true;
	}
	return false;
}

bool filter_hides_address(const struct filter *filter, const struct filter_rules *own,
                          const struct ip *ip)
{
	return has_address(&filter->global, ip) || (own && has_address(own, ip));
}

bool filter_hides_path(const struct filter *filter, const struct filter_rules *own,
                       struct view normalized)
{
	return has_prefix_of(&filter->global, normalized) ||
	       (own && has_prefix_of(own, normalized));
}

bool filter_hides_host(const struct filter *filter, const struct filter_rules *own,
                       struct view lower_case)
{
	return has_host(&filter->global, lower_case) || (own && has_host(own, lower_case));
}
