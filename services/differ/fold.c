// SPDX-License-Identifier: Apache-2.0
#include "fold.h"

#include <stdbool.h>

/* The component behind `place` that starts with `prefix` and ends with `suffix` becomes `name`. */
struct fold_rule {
	struct view place, prefix, suffix, name;
};

/* As VIEW_LITERAL(), for initialisers of static tables. */
#define V(literal)                                                                                 \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

static const struct fold_rule rules[] = {
        /* cacache's temporary file, "<8 hex>-da8f-4deb-..." of which rule 7 took the first part */
        {V("/.npm/_cacache/tmp/"), V("<HEX>-"), V(""), V("<HEX>")},
        /* pacote's clone of a git dependency */
        {V("/.npm/_cacache/tmp/"), V("git-clone"), V(""), V("git-clone<RAND>")},
        /* npm's explanation of a conflict of peers */
        {V("/.npm/_logs/"), V("20"), V("-eresolve-report.txt"),
         V("<TIMESTAMP>-eresolve-report.txt")},
};

static bool rule_matches(const struct fold_rule *rule, struct view component)
{
	return component.size >= rule->prefix.size + rule->suffix.size &&
	       view_starts_with(component, rule->prefix) && view_ends_with(component, rule->suffix);
}

/* True and the component behind the rule's place. */
static bool find_component(const struct fold_rule *rule, struct view path, struct view *ret)
{
	const char *place = memmem(path.data, path.size, rule->place.data, rule->place.size);
	if (!place)
		return false;
	const char *start = place + rule->place.size;
	struct view rest = view_of(start, path.size - (size_t)(start - path.data));
	*ret = view_split(&rest, '/');
	return true;
}

struct view fold_path(struct view path, enum actor actor, struct buf *out)
{
	if (actor != ACTOR_MANAGER || path.size == 0)
		return path;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct view component;
		if (!find_component(&rules[i], path, &component) ||
		    !rule_matches(&rules[i], component))
			continue;
		size_t start = (size_t)(component.data - path.data);
		size_t end = start + component.size;
		buf_reset(out);
		buf_append(out, path.data, start);
		buf_append_view(out, rules[i].name);
		buf_append(out, path.data + end, path.size - end);
		return buf_view(out);
	}
	return path;
}
