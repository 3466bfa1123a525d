// SPDX-License-Identifier: Apache-2.0
#include "access/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "access/tokens_http.h"
#include "routes.h"

static void roles_are_no_more_than_they_say(void **state)
{
	/* By role: none, viewer, operator, runner. */
	static const struct {
		enum access access;
		bool suffices[4];
	} cases[] = {
	        {ACCESS_ANYBODY, {true, true, true, true}},
	        {ACCESS_RUNNER, {false, false, false, true}},
	        {ACCESS_VIEWER, {false, true, true, false}},
	        {ACCESS_OPERATOR, {false, false, true, false}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int role = ROLE_NONE; role <= ROLE_RUNNER; role++)
			assert_int_equal(
			        access_role_suffices((enum access_role)role, cases[i].access),
			        cases[i].suffices[role]);
}

static void certificates_are_runners_unless_listed(void **state)
{
	char *operators[] = {"alice"};
	char *viewers[] = {"grafana"};
	const struct config_list operator_list = {operators, 1}, viewer_list = {viewers, 1};

	(void)state;
	assert_int_equal(access_certificate_role("alice", &operator_list, &viewer_list),
	                 ROLE_OPERATOR);
	assert_int_equal(access_certificate_role("grafana", &operator_list, &viewer_list),
	                 ROLE_VIEWER);
	assert_int_equal(access_certificate_role("Alice", &operator_list, &viewer_list),
	                 ROLE_RUNNER);
	assert_int_equal(access_certificate_role("", &operator_list, &viewer_list), ROLE_NONE);
	assert_int_equal(access_certificate_role(NULL, &operator_list, &viewer_list), ROLE_NONE);
}

static void tokens_are_found_in_headers(void **state)
{
	static const struct {
		const char *header, *token;
	} cases[] = {
	        {"Bearer abc", "abc"},
	        {"bearer  abc ", "abc"},
	        {"Basic abc", ""},
	        {"Bearer", ""},
	        {"", ""},
	        {NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(view_is(access_bearer(cases[i].header), cases[i].token));
}

static const struct http_route *find(const struct http_route *routes, size_t count,
                                     const char *pattern)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(routes[i].pattern, pattern) == 0)
			return &routes[i];
	}
	return NULL;
}

/* What runs in the epoll thread must not wait for a token to be looked up. */
static void immediate_routes_are_for_anybody(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_route_count; i++) {
		if (api_routes[i].immediate)
			assert_int_equal(api_routes[i].access & ACCESS_MASK, ACCESS_ANYBODY);
	}
}

static void listeners_share_the_routes(void **state)
{
	static const struct {
		const char *pattern;
		bool main, ops;
	} cases[] = {
	        {"/v1/runners/register", true, false},
	        {"/v1/runners/{id}/jobs", true, false},
	        {"/v1/scans", true, true},
	        {"/v1/runs", true, true},
	        {"/v1/health", true, true},
	        {"/livez", true, true},
	        {"/metrics", false, true},
	        {"/ui/{path...}", false, true},
	};
	struct http_route *main_routes, *ops_routes, *all;
	size_t main_count = routes_select(ROUTES_MAIN, true, &main_routes);
	size_t ops_count = routes_select(ROUTES_OPS, true, &ops_routes);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(find(main_routes, main_count, cases[i].pattern) != NULL,
		                 cases[i].main);
		assert_int_equal(find(ops_routes, ops_count, cases[i].pattern) != NULL,
		                 cases[i].ops);
	}
	assert_int_equal(routes_select(ROUTES_MAIN, false, &all), api_route_count);
	free(main_routes);
	free(ops_routes);
	free(all);
}

static void reads_requests_for_tokens(void **state)
{
	static const struct {
		const char *body, *error; /* NULL: good */
	} cases[] = {
	        {"{\"name\":\"a\",\"role\":\"viewer\"}", NULL},
	        {"{\"name\":\"a\",\"role\":\"runner\",\"runner_id\":\"r\",\"expires_in_s\":60}",
	         NULL},
	        {"{\"name\":\"a\"}", "role"},
	        {"{\"name\":1,\"role\":\"viewer\"}", "name"},
	        {"{\"name\":\"a\",\"role\":\"root\"}", "role"},
	        {"{\"name\":\"a\",\"role\":\"viewer\",\"expires_in_s\":-1}", "expires_in_s"},
	        {"{\"name\":\"a\",\"role\":\"viewer\",\"expires_in_s\":\"60\"}", "expires_in_s"},
	        {"{\"name\":\"a\",\"role\":\"viewer\",\"expires_in_s\":1e300}", "expires_in_s"},
	        {"[]", "object"},
	        {"", "decode body"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct access_token token;
		struct error err = {0};

		arena_init(&arena);
		int rc = tokens_read(view_of_string(cases[i].body), &arena, &token, &err);
		if (!cases[i].error && rc < 0)
			fail_msg("%s: %s", cases[i].body, err.text);
		if (cases[i].error && (rc == 0 || !strstr(err.text, cases[i].error)))
			fail_msg("%s: %s", cases[i].body, err.text);
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(roles_are_no_more_than_they_say),
	        cmocka_unit_test(certificates_are_runners_unless_listed),
	        cmocka_unit_test(tokens_are_found_in_headers),
	        cmocka_unit_test(immediate_routes_are_for_anybody),
	        cmocka_unit_test(listeners_share_the_routes),
	        cmocka_unit_test(reads_requests_for_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
