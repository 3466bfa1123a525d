// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fold.h"

enum { OUT_MAX = 1024 };

static void folds_only_in_known_places(void **state)
{
	static const struct {
		const char *input;
		enum actor actor;
		const char *output;
	} cases[] = {
	        {"/root/.npm/_cacache/tmp/<HEX>-da8f-4deb-a599-b9da9002ff46", ACTOR_UNKNOWN,
	         "/root/.npm/_cacache/tmp/<HEX>-da8f-4deb-a599-b9da9002ff46"},
	        {"/root/.npm/_cacache/tmp/<HEX>-da8f-4deb-a599-b9da9002ff46", ACTOR_MANAGER,
	         "/root/.npm/_cacache/tmp/<HEX>"},
	        {"/root/.npm/_cacache/tmp/<HEX>-da8f-4deb-a599-b9da9002ff46", ACTOR_PACKAGE,
	         "/root/.npm/_cacache/tmp/<HEX>-da8f-4deb-a599-b9da9002ff46"},
	        {"/root/.npm/_cacache/tmp/git-cloneAbC123/x/y", ACTOR_MANAGER,
	         "/root/.npm/_cacache/tmp/git-clone<RAND>/x/y"},
	        {"/root/.npm/_logs/2026-05-22T17_02_24_700Z-eresolve-report.txt", ACTOR_MANAGER,
	         "/root/.npm/_logs/<TIMESTAMP>-eresolve-report.txt"},
	        {"/root/.npm/_logs/evil-eresolve-report.txt", ACTOR_MANAGER,
	         "/root/.npm/_logs/evil-eresolve-report.txt"},
	        {"/tmp/<HEX>-da8f", ACTOR_MANAGER, "/tmp/<HEX>-da8f"},
	        {"/root/.npm/_cacache/tmp/", ACTOR_MANAGER, "/root/.npm/_cacache/tmp/"},
	        {"/root/.npm/_cacache/tmp", ACTOR_MANAGER, "/root/.npm/_cacache/tmp"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out;
		buf_init(&out, OUT_MAX);
		struct view v = fold_path(view_of_string(cases[i].input), cases[i].actor, &out);
		if (!view_is(v, cases[i].output))
			fail_msg("'%s' became '%.*s'", cases[i].input, VIEW_ARG(v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(folds_only_in_known_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
