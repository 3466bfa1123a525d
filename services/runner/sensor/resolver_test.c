// SPDX-License-Identifier: Apache-2.0
#include "resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { COOKIE = 5, ID = 77 };

static const struct record_address given = {.family = 2, .port = 53, .address = {192, 0, 2, 53}};
static const struct record_address own = {.family = 2, .port = 53, .address = {198, 51, 100, 1}};

static int setup(void **state)
{
	static struct resolver resolver;

	resolver_init(&resolver);
	*state = &resolver;
	return 0;
}

static int teardown(void **state)
{
	resolver_release(*state);
	return 0;
}

static struct dns_answer answer_of(const char *name, uint32_t address)
{
	struct dns_answer answer = {.id = ID, .address_count = 1};

	answer.question.name_size =
	        (size_t)snprintf(answer.question.name, sizeof(answer.question.name), "%s", name);
	answer.addresses[0].family = 2;
	memcpy(answer.addresses[0].bytes, &address, sizeof(address));
	return answer;
}

static void answered(struct resolver *resolver, const struct record_address *server,
                     enum actor actor, const char *name, uint32_t address)
{
	struct dns_answer answer = answer_of(name, address);

	resolver_answered(resolver, COOKIE, server, actor, &answer);
}

static void expect(const struct resolver *resolver, uint32_t address, const char *name)
{
	uint8_t bytes[16] = {0}, mapped[16] = {[10] = 0xff, [11] = 0xff};

	memcpy(bytes, &address, sizeof(address));
	memcpy(mapped + 12, &address, sizeof(address));
	assert_true(view_is(resolver_name_of(resolver, 2, bytes), name));
	assert_true(view_is(resolver_name_of(resolver, 10, mapped), name));
}

static void test_only_what_was_asked_for(void **state)
{
	answered(*state, &given, ACTOR_MANAGER, "a.test", 1);
	expect(*state, 1, "");
	resolver_asked(*state, COOKIE, ID, VIEW_LITERAL("a.TEST"));
	answered(*state, &given, ACTOR_MANAGER, "b.test", 1);
	expect(*state, 1, "");
	answered(*state, &given, ACTOR_MANAGER, "A.test", 1);
	expect(*state, 1, "A.test");
	answered(*state, &given, ACTOR_MANAGER, "a.test", 2); /* a second answer */
	expect(*state, 2, "");
}

static void test_a_packages_own_server_is_not_believed(void **state)
{
	resolver_asked(*state, COOKIE, ID, VIEW_LITERAL("a.test"));
	answered(*state, &own, ACTOR_PACKAGE, "a.test", 1);
	expect(*state, 1, "");
	resolver_asked(*state, COOKIE, ID, VIEW_LITERAL("m.test"));
	answered(*state, &given, ACTOR_MANAGER, "m.test", 2);
	resolver_asked(*state, COOKIE, ID, VIEW_LITERAL("a.test"));
	answered(*state, &given, ACTOR_PACKAGE, "a.test", 3);
	expect(*state, 2, "m.test");
	expect(*state, 3, "a.test");
}

static void test_the_last_name_counts_and_the_oldest_goes(void **state)
{
	char name[32];

	for (uint32_t i = 0; i <= RESOLVER_NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%u.test", i);
		resolver_asked(*state, COOKIE, ID, view_of_string(name));
		answered(*state, &given, ACTOR_MANAGER, name, i);
	}
	expect(*state, 0, "");
	expect(*state, 1, "n1.test");
	resolver_asked(*state, COOKIE, ID, VIEW_LITERAL("again.test"));
	answered(*state, &given, ACTOR_MANAGER, "again.test", 2);
	expect(*state, 2, "again.test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_only_what_was_asked_for, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_packages_own_server_is_not_believed, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_the_last_name_counts_and_the_oldest_goes,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
