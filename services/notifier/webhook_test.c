// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signature.h"
#include "target_url.h"
#include "webhook.h"
#include "webhook_headers.h"

static void checks_urls(void **state)
{
	static const struct {
		const char *url;
		bool allowed;
	} cases[] = {
	        {"https://hooks.example/x", true},
	        {"HTTPS://hooks.example", true},
	        {"https://hooks.example:8443/x?y=z#f", true},
	        {"https://[2001:db8::1]:8443/x", true},
	        {"http://127.0.0.1/x", true},
	        {"http://127.0.0.1:9000", true},
	        {"http://localhost:9000/x", true},
	        {"http://LocalHost/x", true},
	        {"http://[::1]/x", true},
	        {"http://[::1]:9000/x", true},
	        {"", false},
	        {"https://", false},
	        {"https:///x", false},
	        {"https://:443/x", false},
	        {"hooks.example", false},
	        {"ftp://hooks.example", false},
	        {"file:///etc/passwd", false},
	        {"http://hooks.example/x", false},
	        {"http://127.0.0.1.evil.example/", false},
	        {"http://127.0.0.1@evil.example/", false},
	        {"http://localhost:80@evil.example/", false},
	        {"https://user:secret@hooks.example/", false},
	        {"http://localhost\\@evil.example/", false},
	        {"http://evil.example#@localhost/", false},
	        {"http://evil.example?localhost/", false},
	        {"http://[::1].evil.example/", false},
	        {"http://[::1", false},
	        {"http://[::2]/", false},
	        {"http://127.0.0.2/", false},
	        {"https://hooks.example/a b", false},
	        {"https://hooks.example/\n", false},
	        {"https://hooks.exam\xc3\xa9/", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		print_message("%s\n", cases[i].url);
		assert_int_equal(target_url_check(cases[i].url, &err) == 0, cases[i].allowed);
		assert_int_equal(err.code != 0, !cases[i].allowed);
	}
}

static void classifies_answers(void **state)
{
	static const struct {
		long code;
		enum webhook_status status;
	} cases[] = {
	        {200, WEBHOOK_SENT},      {204, WEBHOOK_SENT},      {299, WEBHOOK_SENT},
	        {100, WEBHOOK_FAILED},    {301, WEBHOOK_FAILED},    {308, WEBHOOK_FAILED},
	        {400, WEBHOOK_PERMANENT}, {401, WEBHOOK_PERMANENT}, {404, WEBHOOK_PERMANENT},
	        {408, WEBHOOK_FAILED},    {429, WEBHOOK_FAILED},    {499, WEBHOOK_PERMANENT},
	        {500, WEBHOOK_FAILED},    {503, WEBHOOK_FAILED},    {0, WEBHOOK_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(webhook_classify(cases[i].code), cases[i].status);
	assert_string_equal(webhook_status_name(WEBHOOK_SENT), "sent");
	assert_string_equal(webhook_status_name(WEBHOOK_FAILED), "failed");
	assert_string_equal(webhook_status_name(WEBHOOK_PERMANENT), "permanent");
}

static void signs_bodies(void **state)
{
	char text[SIGNATURE_TEXT_MAX];

	(void)state;
	signature_of_body(VIEW_LITERAL("topsecret"), VIEW_LITERAL("{\"a\":1}"), text);
	assert_string_equal(text,
	                    "sha256="
	                    "bf1e6501b7fa928ec2391fea9dd90af3c9ad1b7b1ef6ff319c25940cec746bf8");
}

static void signs_as_standard_webhooks_do(void **state)
{
	static const struct {
		const char *secret, *signature;
	} cases[] = {
	        {"topsecret", "v1,6wW4SqbhVQWEKgMRB9De27CnObbDoduoe7FCeyn5/bo="},
	        /* Base64 without padding, with one and with two. */
	        {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
	         "v1,YOREwC5BRUvI4ezImQEgEteB7JbPr/Iy2YCZe049/5g="},
	        {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGA==",
	         "v1,Sw+Jy4gZgFla070M1e5/ealZ7l+AHFRToYJoh5S7kDk="},
	        {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBk=",
	         "v1,ju5J9c8+RVwYsL3mTzQilAldj+5SBF6SRZERzZJ4sFE="},
	};
	char text[SIGNATURE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		signature_standard(view_of_string(cases[i].secret), "msg_1", 1700000000,
		                   VIEW_LITERAL("{\"a\":1}"), text);
		assert_string_equal(text, cases[i].signature);
	}
	/* The specification's own example. */
	signature_standard(VIEW_LITERAL("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
	                   "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
	                   VIEW_LITERAL("{\"test\": 2432232314}"), text);
	assert_string_equal(text, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void takes_any_secret(void **state)
{
	static const char *const secrets[] = {"whsec_", "whsec_a", "whsec_====", "whsec_!!!!", "x"};
	char text[SIGNATURE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		signature_standard(view_of_string(secrets[i]), "msg_1", 0, VIEW_LITERAL("b"), text);
		assert_int_equal(strlen(text), sizeof("v1,") - 1 + 44);
	}
}

static void later_headers_replace_earlier_ones(void **state)
{
	struct webhook_headers headers = {.count = 0};
	struct error err = {0};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_true(webhook_headers_set(&headers, "Content-Type", "application/json"));
	assert_true(webhook_headers_set(&headers, "User-Agent", "a"));
	assert_int_equal(webhook_headers_set_json(&headers,
	                                          "{\"user-agent\":\"b\",\"X-Key\":\"$VAR\"}",
	                                          &arena, &err),
	                 0);
	assert_int_equal(headers.count, 3);
	assert_string_equal(headers.items[1].name, "user-agent");
	assert_string_equal(headers.items[1].value, "b");
	assert_string_equal(headers.items[2].value, "$VAR"); /* literal */
	arena_release(&arena);
}

static void refuses_bad_headers(void **state)
{
	static const char *const cases[] = {"",
	                                    "[]",
	                                    "{\"a\":1}",
	                                    "{\"a\":null}",
	                                    "{\"\":\"x\"}",
	                                    "{\"a b\":\"x\"}",
	                                    "{\"a\":\"x\\r\\nEvil: y\"}",
	                                    "{\"a:\":\"x\"}",
	                                    "{\"ok\":\"x\",\"bad\":\"\\u0001\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct webhook_headers headers = {.count = 0};
		struct error err = {0};
		struct arena arena;
		arena_init(&arena);
		assert_true(webhook_headers_set_json(&headers, cases[i], &arena, &err) < 0);
		assert_int_equal(headers.count, 0);
		arena_release(&arena);
	}
}

static void bounds_the_header_table(void **state)
{
	struct webhook_headers headers = {.count = 0};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (int i = 0; i < WEBHOOK_HEADERS_MAX; i++)
		assert_true(webhook_headers_set(&headers, arena_printf(&arena, "h%d", i), "v"));
	assert_false(webhook_headers_set(&headers, "one-more", "v"));
	assert_true(webhook_headers_set(&headers, "H5", "w"));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(checks_urls),
	        cmocka_unit_test(classifies_answers),
	        cmocka_unit_test(signs_bodies),
	        cmocka_unit_test(signs_as_standard_webhooks_do),
	        cmocka_unit_test(takes_any_secret),
	        cmocka_unit_test(later_headers_replace_earlier_ones),
	        cmocka_unit_test(refuses_bad_headers),
	        cmocka_unit_test(bounds_the_header_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
