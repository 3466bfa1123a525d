// SPDX-License-Identifier: Apache-2.0
#include "model/package.h"

#include "base/view.h"

static const char letters_and_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char digits[] = "0123456789";

/* The largest number that npm's semver takes: JavaScript's largest exact integer. */
static const uint64_t VERSION_NUMBER_MAX = UINT64_C(9007199254740991);

static bool consists_of(struct view v, const char *characters, const char *more)
{
	for (size_t i = 0; i < v.size; i++) {
		if (v.data[i] == '\0' ||
		    (!strchr(characters, v.data[i]) && !strchr(more, v.data[i])))
			return false;
	}
	return v.size > 0;
}

static bool name_part_valid(struct view part, const char *forbidden_first)
{
	return consists_of(part, letters_and_digits, "-._") && !strchr(forbidden_first, *part.data);
}

bool package_name_valid(const char *name)
{
	struct view rest = view_of_string(name);
	if (rest.size == 0 || rest.size > PACKAGE_NAME_MAX)
		return false;
	if (*name == '@') {
		rest = view_of(name + 1, rest.size - 1);
		struct view scope = view_split(&rest, '/');
		return name_part_valid(scope, "-._") && name_part_valid(rest, ".");
	}
	return name_part_valid(rest, "-._") && !view_is(rest, "node_modules") &&
	       !view_is(rest, "favicon.ico");
}

static bool number_valid(struct view text)
{
	uint64_t number = 0;
	return consists_of(text, digits, "") && (text.size == 1 || text.data[0] != '0') &&
	       view_to_u64(text, &number) && number <= VERSION_NUMBER_MAX;
}

/* Identifiers joined by dots. */
static bool identifiers_valid(struct view text, bool leading_zeros)
{
	bool more = true;
	while (more) {
		struct view whole = text;
		struct view part = view_split(&text, '.');
		more = part.size < whole.size; /* a dot followed */
		if (!consists_of(part, letters_and_digits, "-"))
			return false;
		if (!leading_zeros && part.size > 1 && part.data[0] == '0' &&
		    consists_of(part, digits, ""))
			return false;
	}
	return true;
}

bool package_version_valid(const char *version)
{
	struct view core = view_of_string(version);
	if (core.size == 0 || core.size > PACKAGE_VERSION_MAX)
		return false;
	const char *plus = strchr(version, '+');
	if (plus) {
		struct view build = view_of_string(plus + 1);
		if (!identifiers_valid(build, true))
			return false;
		core.size = (size_t)(plus - version);
	}
	const char *dash = memchr(version, '-', core.size);
	if (dash) {
		struct view pre = view_of(dash + 1, core.size - (size_t)(dash + 1 - version));
		if (!identifiers_valid(pre, false))
			return false;
		core.size = (size_t)(dash - version);
	}
	struct view major = view_split(&core, '.');
	struct view minor = view_split(&core, '.');
	return number_valid(major) && number_valid(minor) && number_valid(core);
}
