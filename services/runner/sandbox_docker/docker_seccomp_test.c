// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/docker_seccomp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"

enum { PROFILE_MAX = 64 << 10 };

static void words_are_read(void **state)
{
	static const struct {
		const char *text;
		int result;
		unsigned deny;
	} rows[] = {
	        {"", 0, 0},
	        {"io_uring", 0, DOCKER_DENY_IO_URING},
	        {"sockets, compat,io_uring", 0,
	         DOCKER_DENY_IO_URING | DOCKER_DENY_COMPAT | DOCKER_DENY_SOCKETS},
	        {"io_uring,ptrace", -EINVAL, 0},
	        {"compat,compat", -EINVAL, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err;
		unsigned deny;
		assert_int_equal(docker_deny_parse(rows[i].text, &deny, &err), rows[i].result);
		if (rows[i].result == 0)
			assert_int_equal(deny, rows[i].deny);
	}
}

static struct json *write_profile(unsigned deny)
{
	AUTO(buf) struct buf out;
	buf_init(&out, PROFILE_MAX);
	docker_seccomp_write(&out, deny);
	assert_false(out.overflowed);
	struct view text = buf_view(&out), prefix = VIEW_LITERAL("seccomp=");
	assert_true(view_starts_with(text, prefix));
	struct json *profile =
	        json_parse(view_of(text.data + prefix.size, text.size - prefix.size), true, NULL);
	assert_non_null(profile);
	return profile;
}

/* Rules that name the call. */
static size_t rules_of(const struct json *profile, const char *call)
{
	size_t count = 0;
	for (const struct json *rule = json_first(json_get(profile, "syscalls")); rule;
	     rule = json_next(rule))
		for (const struct json *name = json_first(json_get(rule, "names")); name;
		     name = json_next(name))
			count += strcmp(json_string(name, ""), call) == 0;
	return count;
}

static void only_what_is_asked_for_is_closed(void **state)
{
	(void)state;
	AUTO(json) struct json *rings = write_profile(DOCKER_DENY_IO_URING);
	assert_int_equal(rules_of(rings, "io_uring_setup"), 1);
	assert_int_equal(rules_of(rings, "socket"), 0);
	assert_int_equal(rules_of(rings, "mount"), 1);
	assert_non_null(json_get(json_first(json_get(rings, "archMap")), "subArchitectures"));
	AUTO(json) struct json *rest = write_profile(DOCKER_DENY_COMPAT | DOCKER_DENY_SOCKETS);
	assert_int_equal(rules_of(rest, "io_uring_setup"), 0);
	assert_true(rules_of(rest, "socket") > 0);
	assert_null(json_get(json_first(json_get(rest, "archMap")), "subArchitectures"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(words_are_read),
	        cmocka_unit_test(only_what_is_asked_for_is_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
