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

/* How the text of an entry is compared with a value. */
enum match {
	MATCH_PREFIX,
	MATCH_HOST,    /* equal, or below it when the entry begins with a dot */
	MATCH_PROGRAM, /* equal, or below it when the entry ends in a slash */
};

#define HOLDS_FOR(category) (1U << (category))

/* The kinds that are text; `cidr` is the only other one. */
static const struct text_kind {
	const char *name;
	enum match match;
	unsigned categories;
} text_kinds[] = {
        {"path", MATCH_PREFIX, HOLDS_FOR(CATEGORY_PATH_READ) | HOLDS_FOR(CATEGORY_PATH_WRITE)},
        {"path_read", MATCH_PREFIX, HOLDS_FOR(CATEGORY_PATH_READ)},
        {"path_write", MATCH_PREFIX, HOLDS_FOR(CATEGORY_PATH_WRITE)},
        {"sni", MATCH_HOST, HOLDS_FOR(CATEGORY_HTTPS_HOST)},
        {"dns", MATCH_HOST, HOLDS_FOR(CATEGORY_DNS) | HOLDS_FOR(CATEGORY_DESTINATION)},
        {"exec", MATCH_PROGRAM, HOLDS_FOR(CATEGORY_EXEC)},
};
enum { TEXT_KINDS = sizeof(text_kinds) / sizeof(text_kinds[0]) };

struct range_rule {
	char *id; /* NULL: built in */
	struct cidr cidr;
};

struct text_rule {
	char *id, *text;
};

struct filter_rules {
	char *package; /* NULL for those of all packages */
	struct range_rule *ranges;
	size_t range_count;
	struct {
		struct text_rule *items;
		size_t count;
	} texts[TEXT_KINDS];
	struct filter_rules *next;
};

struct filter {
	struct filter_rules content_networks; /* built in */
	struct filter_rules global;
	struct filter_rules *packages;
};

static void add_range(struct filter_rules *rules, const char *id, const struct cidr *cidr)
{
	rules->ranges = xrealloc(rules->ranges, rules->range_count + 1, sizeof(*rules->ranges));
	rules->ranges[rules->range_count++] = (struct range_rule){id ? xstrdup(id) : NULL, *cidr};
}

static void add_text(struct filter_rules *rules, size_t kind, const char *id, struct view text)
{
	size_t count = rules->texts[kind].count++;
	rules->texts[kind].items =
	        xrealloc(rules->texts[kind].items, count + 1, sizeof(*rules->texts[kind].items));
	rules->texts[kind].items[count] = (struct text_rule){xstrdup(id), view_dup(text)};
}

struct filter *filter_create(void)
{
	struct filter *filter = xcalloc(1, sizeof(*filter));
	for (size_t i = 0; i < sizeof(builtin_ranges) / sizeof(builtin_ranges[0]); i++) {
		struct cidr cidr;
		if (cidr_parse(view_of_string(builtin_ranges[i]), &cidr))
			add_range(&filter->content_networks, NULL, &cidr);
	}
	return filter;
}

static void release_rules(struct filter_rules *rules)
{
	for (size_t kind = 0; kind < TEXT_KINDS; kind++) {
		for (size_t i = 0; i < rules->texts[kind].count; i++) {
			free(rules->texts[kind].items[i].id);
			free(rules->texts[kind].items[i].text);
		}
		free(rules->texts[kind].items);
	}
	for (size_t i = 0; i < rules->range_count; i++)
		free(rules->ranges[i].id);
	free(rules->ranges);
	free(rules->package);
}

void filter_destroy(struct filter *filter)
{
	if (!filter)
		return;
	release_rules(&filter->content_networks);
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

static int add_cidr_entry(struct filter *filter, const struct filter_entry *entry,
                          struct error *err)
{
	struct cidr cidr;
	if (!cidr_parse(view_of_string(entry->value), &cidr))
		return error_set(err, EINVAL, "allow entry: '%s' is no address range",
		                 entry->value);
	add_range(rules_for(filter, entry->package), entry->id, &cidr);
	return 0;
}

static int add_text_entry(struct filter *filter, locale_t locale, const struct filter_entry *entry,
                          size_t kind, struct error *err)
{
	AUTO(buf) struct buf lower;
	buf_init(&lower, HOST_MAX_BYTES);
	struct view text = view_of_string(entry->value);
	if (text_kinds[kind].match == MATCH_HOST)
		text = text_lower(locale, text_trim(text), &lower);
	/* An empty prefix would silence the whole sensor. */
	if (text.size == 0)
		return error_set(err, EINVAL, "allow entry: empty value of kind '%s'", entry->kind);
	add_text(rules_for(filter, entry->package), kind, entry->id, text);
	return 0;
}

int filter_add(struct filter *filter, locale_t locale, const struct filter_entry *entry,
               struct error *err)
{
	if (strcmp(entry->kind, "cidr") == 0)
		return add_cidr_entry(filter, entry, err);
	for (size_t kind = 0; kind < TEXT_KINDS; kind++) {
		if (strcmp(entry->kind, text_kinds[kind].name) == 0)
			return add_text_entry(filter, locale, entry, kind, err);
	}
	return error_set(err, EINVAL, "allow entry: unknown kind '%s'", entry->kind);
}

const struct filter_rules *filter_package(const struct filter *filter, const char *package)
{
	return find_rules(filter, package);
}

static const struct range_rule *find_range(const struct filter_rules *rules, const struct ip *ip)
{
	for (size_t i = 0; i < rules->range_count; i++) {
		if (cidr_contains(&rules->ranges[i].cidr, ip))
			return &rules->ranges[i];
	}
	return NULL;
}

static bool matches(enum match match, struct view rule, struct view value)
{
	switch (match) {
	case MATCH_PREFIX:
		return view_starts_with(value, rule);
	case MATCH_HOST:
		return view_equal(value, rule) || (rule.data[0] == '.' && value.size > rule.size &&
		                                   view_ends_with(value, rule));
	case MATCH_PROGRAM:
		return view_equal(value, rule) ||
		       (rule.data[rule.size - 1] == '/' && view_starts_with(value, rule));
	}
	return false;
}

/* Of "<address or name>:<port>", IPv6 without brackets. */
static struct view without_port(struct view destination)
{
	while (destination.size && destination.data[destination.size - 1] != ':')
		destination.size--;
	if (destination.size)
		destination.size--;
	return destination;
}

static const struct text_rule *find_text(const struct filter_rules *rules, enum category category,
                                         struct view value)
{
	if (category == CATEGORY_DESTINATION)
		value = without_port(value);
	for (size_t kind = 0; kind < TEXT_KINDS; kind++) {
		if (!(text_kinds[kind].categories & HOLDS_FOR(category)))
			continue;
		for (size_t i = 0; i < rules->texts[kind].count; i++) {
			const struct text_rule *rule = &rules->texts[kind].items[i];
			if (matches(text_kinds[kind].match, view_of_string(rule->text), value))
				return rule;
		}
	}
	return NULL;
}

bool filter_is_content_network(const struct filter *filter, const struct ip *ip)
{
	return find_range(&filter->content_networks, ip);
}

bool filter_hides_address(const struct filter *filter, const struct filter_rules *own,
                          const struct ip *ip)
{
	return find_range(&filter->global, ip) || (own && find_range(own, ip));
}

bool filter_hides_text(const struct filter *filter, const struct filter_rules *own,
                       enum category category, struct view value)
{
	return find_text(&filter->global, category, value) ||
	       (own && find_text(own, category, value));
}

static const char *entry_of_address(const struct filter_rules *rules, const struct ip *ip)
{
	for (size_t i = 0; i < rules->range_count; i++) {
		if (rules->ranges[i].id && cidr_contains(&rules->ranges[i].cidr, ip))
			return rules->ranges[i].id;
	}
	return NULL;
}

static const char *entry_of(const struct filter_rules *rules, enum category category,
                            struct view value)
{
	struct ip ip;
	if (category == CATEGORY_DESTINATION && ip_parse(without_port(value), &ip))
		return entry_of_address(rules, &ip);
	if (category == CATEGORY_DESTINATION) { /* by its name */
		category = CATEGORY_DNS;
		value = without_port(value);
	}
	const struct text_rule *rule = find_text(rules, category, value);
	return rule ? rule->id : NULL;
}

const char *filter_entry_of(const struct filter *filter, const struct filter_rules *own,
                            enum category category, struct view value)
{
	const char *id = own ? entry_of(own, category, value) : NULL;
	return id ? id : entry_of(&filter->global, category, value);
}
