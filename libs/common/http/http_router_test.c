// SPDX-License-Identifier: Apache-2.0
#include "http/http_router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing(void *ctx, struct http_request *request)
{
	(void)ctx;
	(void)request;
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/", .handler = nothing},
        {.method = "GET", .pattern = "/v1/health", .handler = nothing},
        {.method = "GET", .pattern = "/v1/packages", .handler = nothing},
        {.method = "POST", .pattern = "/v1/packages", .handler = nothing},
        {.method = "DELETE", .pattern = "/v1/packages/{name}", .handler = nothing},
        {.method = "GET", .pattern = "/v1/packages/special", .handler = nothing},
        {.method = "GET", .pattern = "/v1/packages/{name}", .handler = nothing},
        {.method = "POST", .pattern = "/v1/runs/{run_id}/events", .handler = nothing},
        {.method = "GET", .pattern = "/ui/{path...}", .handler = nothing},
        {.method = "GET", .pattern = "/a/{x}/c", .handler = nothing},
        {.method = "GET", .pattern = "/a/b/{y}", .handler = nothing},
};
enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

struct match_case {
	const char *method, *path;
	enum http_match match;
	const char *pattern; /* of the route found, or the Allow header */
	const char *param;   /* the first parameter */
};

static const struct match_case match_cases[] = {
        {"GET", "/", HTTP_MATCH_FOUND, "/", NULL},
        {"GET", "/v1/health", HTTP_MATCH_FOUND, "/v1/health", NULL},
        {"HEAD", "/v1/health", HTTP_MATCH_FOUND, "/v1/health", NULL},
        {"GET", "/v1/health/", HTTP_MATCH_NONE, NULL, NULL},
        {"GET", "/v1", HTTP_MATCH_NONE, NULL, NULL},
        {"GET", "", HTTP_MATCH_NONE, NULL, NULL},
        {"GET", "*", HTTP_MATCH_NONE, NULL, NULL},
        {"POST", "/v1/health", HTTP_MATCH_METHOD, "GET, HEAD", NULL},
        {"PUT", "/v1/packages", HTTP_MATCH_METHOD, "GET, HEAD, POST", NULL},
        {"PUT", "/v1/packages/left-pad", HTTP_MATCH_METHOD, "DELETE, GET, HEAD", NULL},
        {"GET", "/v1/packages/left-pad", HTTP_MATCH_FOUND, "/v1/packages/{name}", "left-pad"},
        {"GET", "/v1/packages/special", HTTP_MATCH_FOUND, "/v1/packages/special", NULL},
        {"GET", "/v1/packages/", HTTP_MATCH_NONE, NULL, NULL},
        {"GET", "/v1/packages/@scope%2Fname", HTTP_MATCH_FOUND, "/v1/packages/{name}",
         "@scope/name"},
        {"GET", "/v1/packages/@scope/name", HTTP_MATCH_NONE, NULL, NULL},
        {"GET", "/v1/packages/a%2", HTTP_MATCH_BAD, "/v1/packages/{name}", NULL},
        {"GET", "/v1/packages/a%zz", HTTP_MATCH_BAD, "/v1/packages/{name}", NULL},
        {"GET", "/v1/packages/a%00", HTTP_MATCH_BAD, "/v1/packages/{name}", NULL},
        {"GET", "/v1/packages/a+b", HTTP_MATCH_FOUND, "/v1/packages/{name}", "a+b"},
        {"POST", "/v1/runs/abc/events", HTTP_MATCH_FOUND, "/v1/runs/{run_id}/events", "abc"},
        {"GET", "/v1/runs/abc/events", HTTP_MATCH_METHOD, "POST", NULL},
        {"GET", "/ui/", HTTP_MATCH_FOUND, "/ui/{path...}", ""},
        {"GET", "/ui/js/app.js", HTTP_MATCH_FOUND, "/ui/{path...}", "js/app.js"},
        {"GET", "/ui", HTTP_MATCH_NONE, NULL, NULL},
        /* The earlier literal wins. */
        {"GET", "/a/b/c", HTTP_MATCH_FOUND, "/a/b/{y}", "c"},
        {"GET", "/a/z/c", HTTP_MATCH_FOUND, "/a/{x}/c", "z"},
};

static void matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(match_cases) / sizeof(match_cases[0]); i++) {
		const struct match_case *c = &match_cases[i];
		struct http_matched matched;
		struct arena arena;

		arena_init(&arena);
		assert_int_equal(http_router_match(routes, ROUTE_COUNT, c->method,
		                                   view_of_string(c->path), &arena, &matched),
		                 c->match);
		if (c->match == HTTP_MATCH_FOUND)
			assert_string_equal(matched.route->pattern, c->pattern);
		if (c->match == HTTP_MATCH_METHOD)
			assert_string_equal(matched.allow, c->pattern);
		if (c->match == HTTP_MATCH_FOUND) {
			assert_int_equal(matched.param_count, c->param ? 1 : 0);
			if (c->param)
				assert_string_equal(matched.params[0].value, c->param);
		}
		arena_release(&arena);
	}
}

static void queries(void **state)
{
	static const struct {
		const char *query, *name, *value;
	} cases[] = {
	        {"a=1&b=2", "a", "1"},
	        {"a=1&b=2", "b", "2"},
	        {"a=1&a=2", "a", "1"},
	        {"a=1", "c", NULL},
	        {"", "a", NULL},
	        {"a", "a", ""},
	        {"a=", "a", ""},
	        {"package=%40s%2Fp&x=a+b", "package", "@s/p"},
	        {"package=%40s%2Fp&x=a+b", "x", "a b"},
	        {"%61=1", "a", "1"},
	        {"a=%zz", "a", NULL},
	        {"a=b=c", "a", "b=c"},
	        {"&&a=1", "a", "1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		const char *value;

		arena_init(&arena);
		value = http_query_get(view_of_string(cases[i].query), cases[i].name, &arena);
		if (cases[i].value)
			assert_string_equal(value, cases[i].value);
		else
			assert_null(value);
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(matches),
	        cmocka_unit_test(queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
