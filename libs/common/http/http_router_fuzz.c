// SPDX-License-Identifier: Apache-2.0
/* Any request target against a table with every kind of segment. */
#include <stdlib.h>

#include "http/http_router.h"

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/"},
        {.method = "POST", .pattern = "/v1/runs/{run_id}/events"},
        {.method = "GET", .pattern = "/v1/packages/{name}"},
        {.method = "GET", .pattern = "/ui/{path...}"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view query = view_of(data, size);
	struct view path = view_split(&query, '?');
	struct http_matched matched;
	struct arena arena;

	arena_init(&arena);
	(void)http_router_match(routes, sizeof(routes) / sizeof(routes[0]), "GET", path, &arena,
	                        &matched);
	for (size_t i = 0; i < matched.param_count; i++) {
		if (matched.route && matched.params[i].value &&
		    strlen(matched.params[i].value) > size)
			abort();
	}
	(void)http_query_get(query, "package", &arena);
	arena_release(&arena);
	return 0;
}
