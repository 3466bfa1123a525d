// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fingerprint.h"

struct fixture {
	struct fingerprinter fingerprinter;
	struct filter *filter;
	struct fingerprint found;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct error err = {0};
	f.filter = filter_create();
	*state = &f;
	return fingerprinter_init(&f.fingerprinter, &err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	fingerprinter_release(&f->fingerprinter);
	filter_destroy(f->filter);
	return 0;
}

/* `value` NULL: no fingerprint. */
static void expect(struct fixture *f, const struct event *event, enum category category,
                   const char *value)
{
	bool found = fingerprint_of(&f->fingerprinter, event, f->filter, NULL, &f->found);
	assert_int_equal(found, value != NULL);
	if (!found)
		return;
	assert_int_equal(f->found.category, category);
	if (!view_is(f->found.value, value))
		fail_msg("'%.*s' is not '%s'", VIEW_ARG(f->found.value), value);
}

static void paths(void **state)
{
	static const struct {
		const char *path;
		int32_t flags;
		enum category category;
		const char *value;
	} cases[] = {
	        {"/etc/passwd", O_RDONLY, CATEGORY_PATH_READ, "/etc/passwd"},
	        {"/x", O_WRONLY, CATEGORY_PATH_WRITE, "/x"},
	        {"/x", O_RDWR, CATEGORY_PATH_WRITE, "/x"},
	        {"/x", 3, CATEGORY_PATH_WRITE, "/x"}, /* no valid access mode; a write */
	        {"/x", O_CREAT, CATEGORY_PATH_WRITE, "/x"},
	        {"/x", O_TRUNC, CATEGORY_PATH_READ, "/x"},
	        {"/x", O_APPEND | O_CLOEXEC, CATEGORY_PATH_READ, "/x"},
	        {"/proc/12/maps", O_RDONLY, CATEGORY_PATH_READ, "/proc/<PID>/maps"},
	        {" /x ", O_RDONLY, CATEGORY_PATH_READ, " /x "}, /* paths are not trimmed */
	        {"", O_RDONLY, CATEGORY_PATH_READ, NULL},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = {.type = EVENT_FILE};
		event.file.flags = cases[i].flags;
		event.file.path = view_of_string(cases[i].path);
		expect(f, &event, cases[i].category, cases[i].value);
	}
}

static void programs(void **state)
{
	static const struct {
		struct view path;
		const char *value;
	} cases[] = {
	        {VIEW_LITERAL("/bin/sh"), "/bin/sh"},
	        {VIEW_LITERAL("/bin/sh\0\0"), "/bin/sh"},
	        {VIEW_LITERAL(" /bin/sh \0"), "/bin/sh"},
	        {VIEW_LITERAL("/proc/7/exe"), "/proc/7/exe"}, /* not normalized */
	        {VIEW_LITERAL("\0"), NULL},
	        {VIEW_LITERAL(""), NULL},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = {.type = EVENT_EXEC};
		event.exec.path = cases[i].path;
		expect(f, &event, CATEGORY_EXEC, cases[i].value);
	}
}

static void destinations(void **state)
{
	static const struct {
		uint8_t family;
		uint8_t address[16];
		uint16_t port;
		const char *value;
	} cases[] = {
	        {AF_INET, {192, 0, 2, 10}, 31337, "192.0.2.10:31337"},
	        {AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 443, "2001:db8::1:443"},
	        {AF_INET6, {[10] = 0xff, 0xff, 192, 0, 2, 1}, 80, "192.0.2.1:80"},
	        {AF_INET, {104, 16, 0, 1}, 31337, NULL}, /* of a content network */
	        {AF_INET6, {[10] = 0xff, 0xff, 104, 16, 0, 1}, 80, NULL},
	        {AF_UNIX, {0}, 0, NULL},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = {.type = EVENT_CONNECT};
		event.connect.family = cases[i].family;
		event.connect.port = cases[i].port;
		memcpy(event.connect.address, cases[i].address, sizeof(cases[i].address));
		expect(f, &event, CATEGORY_DESTINATION, cases[i].value);
	}
}

static void names(void **state)
{
	static const struct {
		const char *name, *dns, *tls;
	} cases[] = {
	        {"example.test", "example.test", "example.test"},
	        {" Example.TEST. ", "example.test", "example.test."},
	        {"example.test..", "example.test.", "example.test.."},
	        {"\xC3\x89\xC4\xB0.test", "\xC3\xA9i.test", "\xC3\xA9i.test"},
	        {"a\xFF.test", "a\xEF\xBF\xBD.test", "a\xEF\xBF\xBD.test"},
	        {".", NULL, "."},
	        {" ", NULL, NULL},
	        {"", NULL, NULL},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = {.type = EVENT_DNS};
		event.dns.name = view_of_string(cases[i].name);
		expect(f, &event, CATEGORY_DNS, cases[i].dns);
		event = (struct event){.type = EVENT_TLS};
		event.tls.sni = view_of_string(cases[i].name);
		expect(f, &event, CATEGORY_HTTPS_HOST, cases[i].tls);
	}
}

static void other_types_have_none(void **state)
{
	struct event event = {.type = EVENT_UNKNOWN, .unknown = VIEW_LITERAL("{}")};
	expect(*state, &event, CATEGORY_DNS, NULL);
}

static void manager_paths_fold_and_stay_comparable(void **state)
{
	struct fixture *f = *state;
	struct event event = {.type = EVENT_FILE};
	event.file.path = VIEW_LITERAL("/root/.npm/_cacache/tmp/1a2b3c4d-da8f-4deb");
	event.process.actor = ACTOR_MANAGER;
	event.process.tags = EVENT_TAG_CRED;
	expect(f, &event, CATEGORY_PATH_READ, "/root/.npm/_cacache/tmp/<HEX>");
	assert_true(view_is(f->found.compatible, "/root/.npm/_cacache/tmp/<HEX>-da8f-4deb"));
	assert_int_equal(f->found.actor, ACTOR_MANAGER);
	assert_true(f->found.cred);
	event.process.actor = ACTOR_PACKAGE;
	expect(f, &event, CATEGORY_PATH_READ, "/root/.npm/_cacache/tmp/<HEX>-da8f-4deb");
}

static void long_values_keep_apart(void **state)
{
	struct fixture *f = *state;
	char *path = xmalloc(EVENT_TEXT_MAX);
	memset(path, 'x', EVENT_TEXT_MAX);
	path[0] = '/';
	struct event event = {.type = EVENT_FILE};
	event.file.path = view_of(path, EVENT_TEXT_MAX);
	assert_true(fingerprint_of(&f->fingerprinter, &event, f->filter, NULL, &f->found));
	assert_int_equal(f->found.value.size, FINGERPRINT_VALUE_MAX);
	AUTO(free) char *first = view_dup(f->found.value);

	path[EVENT_TEXT_MAX - 1] = 'y';
	assert_true(fingerprint_of(&f->fingerprinter, &event, f->filter, NULL, &f->found));
	assert_false(view_is(f->found.value, first));
	event.file.path.size = FINGERPRINT_VALUE_MAX;
	assert_true(fingerprint_of(&f->fingerprinter, &event, f->filter, NULL, &f->found));
	assert_ptr_equal(f->found.value.data, path);
	free(path);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(paths),
	        CASE(programs),
	        CASE(destinations),
	        CASE(names),
	        CASE(other_types_have_none),
	        CASE(manager_paths_fold_and_stay_comparable),
	        CASE(long_values_keep_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
