// SPDX-License-Identifier: Apache-2.0
#include "proxy_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct row {
	struct view bytes;
	const char *host;
	size_t behind; /* bytes that are no part of the request */
	enum proxy_status status;
	uint16_t port;
};
#define ROW(bytes, status, host, port, behind)                                                     \
	{                                                                                          \
		VIEW_LITERAL(bytes), host, behind, status, port                                    \
	}

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct proxy_request request;

		assert_int_equal(proxy_request_parse(rows[i].bytes, &request), rows[i].status);
		if (rows[i].status != PROXY_TARGET)
			continue;
		assert_string_equal(request.host, rows[i].host);
		assert_int_equal(request.port, rows[i].port);
		assert_int_equal(request.size, rows[i].bytes.size - rows[i].behind);
	}
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(*(rows)))

static void test_http(void **state)
{
	static const struct row rows[] = {
	        ROW("CONNECT a.test:443 HTTP/1.1\r\n\r\n", PROXY_TARGET, "a.test", 443, 0),
	        ROW("CONNECT a.test:80 HTTP/1.0\r\nHost: b\r\n\r\n\x16\3", PROXY_TARGET, "a.test",
	            80, 2),
	        ROW("CONNECT a.test HTTP/1.1\n\nx", PROXY_TARGET, "a.test", 443, 1),
	        ROW("\r\n\r\nCONNECT\t a.test:1  HTTP/1.1 \r\n\n", PROXY_TARGET, "a.test", 1, 0),
	        ROW("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n", PROXY_TARGET, "2001:db8::1", 443,
	            0),
	        ROW("CONNECT [::1] HTTP/1.1\r\n\r\n", PROXY_TARGET, "::1", 443, 0),
	        ROW("CONNECT 192.0.2.1:443 HTTP/1.1\r\n\r\n", PROXY_TARGET, "192.0.2.1", 443, 0),
	        ROW("CONNECT a.test:65536 HTTP/1.1\r\n\r\n", PROXY_BAD, NULL, 0, 0),
	        ROW("CONNECT a.test:4x HTTP/1.1\r\n\r\n", PROXY_BAD, NULL, 0, 0),
	        ROW("CONNECT :443 HTTP/1.1\r\n\r\n", PROXY_BAD, NULL, 0, 0),
	        ROW("CONNECT a b:443 HTTP/1.1\r\n\r\n", PROXY_BAD, NULL, 0, 0),
	        ROW("CONNECT [::1:443 HTTP/1.1\r\n\r\n", PROXY_BAD, NULL, 0, 0),
	        ROW("CONNECT [::1]x:443 HTTP/1.1\r\n\r\n", PROXY_BAD, NULL, 0, 0),
	        ROW("CONNECT  HTTP/1.1\r\n\r\n", PROXY_BAD, NULL, 0, 0),
	        ROW("CONNECT {}\r\n", PROXY_NONE, NULL, 0, 0),
	        ROW("CONNECT\naccept-version:1.2\n", PROXY_NONE, NULL, 0, 0),
	        ROW("CONNECTED", PROXY_NONE, NULL, 0, 0),
	        ROW("COPY a HTTP/1.1\r\n", PROXY_NONE, NULL, 0, 0),
	        ROW("\r\nGET / HTTP/1.1\r\n", PROXY_NONE, NULL, 0, 0),
	        ROW("GET / HTTP/1.1\r\n", PROXY_NONE, NULL, 0, 0),
	};

	(void)state;
	CHECK(rows);
}

static void test_socks(void **state)
{
	static const struct row rows[] = {
	        ROW("\5\1\0\5\1\0\3\6a.test\1\xbb\x16", PROXY_TARGET, "a.test", 443, 1),
	        ROW("\5\2\0\2\1\1u\2pw\5\1\0\1\xc0\0\2\1\0\x50", PROXY_TARGET, "192.0.2.1", 80, 0),
	        ROW("\5\1\0\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50", PROXY_TARGET,
	            "2001:db8::1", 80, 0),
	        ROW("\5\1\0\5\1\0\2\0\0", PROXY_BAD, NULL, 0, 0),
	        ROW("\5\1\0\5\1\0\3\0\0\x50", PROXY_BAD, NULL, 0, 0),
	        ROW("\5\1\0\5\1\0\3\1\n\0\x50", PROXY_BAD, NULL, 0, 0),
	        ROW("\5\0\3\1", PROXY_NONE, NULL, 0, 0),
	        ROW("\5\1\0\7", PROXY_NONE, NULL, 0, 0),
	        ROW("\4\1\0\x50\xc0\0\2\1me\0x", PROXY_TARGET, "192.0.2.1", 80, 1),
	        ROW("\4\1\1\xbb\0\0\0\1\0a.test\0x", PROXY_TARGET, "a.test", 443, 1),
	        ROW("\4\1\1\xbb\0\0\0\1\0\0", PROXY_BAD, NULL, 0, 0),
	        ROW("\4\x22\x17", PROXY_NONE, NULL, 0, 0),
	};

	(void)state;
	CHECK(rows);
}

static void test_every_cut_asks_for_more(void **state)
{
	static const struct view requests[] = {
	        VIEW_LITERAL("\r\nCONNECT a.test:443 HTTP/1.1\n"),
	        VIEW_LITERAL("\5\2\0\2\1\1u\2pw\5\1\0\3\6a.test\1\xbb"),
	        VIEW_LITERAL("\4\1\1\xbb\0\0\0\1\0a.test\0"),
	};
	struct proxy_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		for (size_t size = 0; size < requests[i].size; size++)
			assert_int_equal(
			        proxy_request_parse(view_of(requests[i].data, size), &request),
			        PROXY_MORE);
		assert_int_equal(proxy_request_parse(requests[i], &request), PROXY_TARGET);
		assert_string_equal(request.host, "a.test");
	}
}

/* The target counts from the end of its line on; where the request ends is known later. */
static void test_a_head_that_goes_on(void **state)
{
	static const struct view bytes =
	        VIEW_LITERAL("CONNECT a.test:443 HTTP/1.1\r\nProxy-Authorization: x\r\n");
	struct proxy_request request;

	(void)state;
	assert_int_equal(proxy_request_parse(bytes, &request), PROXY_TARGET);
	assert_int_equal(request.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_http),
	        cmocka_unit_test(test_socks),
	        cmocka_unit_test(test_every_cut_asks_for_more),
	        cmocka_unit_test(test_a_head_that_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
