// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fingerprint.h"

struct fixture {
	struct fingerprinter fingerprinter;
	struct filter *filter;
	struct fingerprint found;
	struct event_context context;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct error err = {0};
	f.filter = filter_create();
	f.context = (struct event_context){0};
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
	bool found =
	        fingerprint_of(&f->fingerprinter, event, &f->context, f->filter, NULL, &f->found);
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
	        {AF_INET, {104, 16, 0, 1}, 31337, "104.16.0.1:31337"},
	        {AF_INET6, {[10] = 0xff, 0xff, 104, 16, 0, 1}, 80, "104.16.0.1:80"},
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

static void expect_path(struct fixture *f, const char *path, int32_t flags, const char *value)
{
	struct event event = {.type = EVENT_FILE};
	event.file.path = view_of_string(path);
	event.file.flags = flags;
	expect(f, &event, flags & O_WRONLY ? CATEGORY_PATH_WRITE : CATEGORY_PATH_READ, value);
}

static void npms_own_doing_is_no_behaviour(void **state)
{
	static const struct {
		const char *path;
		int32_t flags;
		const char *value, *compatible;
	} cases[] = {
	        {"/tmp/test/node_modules/lodash/x.js", O_WRONLY, "<lodash>",
	         "/tmp/test/node_modules/lodash/package.json"},
	        {"/tmp/test/node_modules/.lodash-aB3dE6gH/dist/x.js", O_WRONLY, "<lodash>",
	         "/tmp/test/node_modules/lodash/package.json"},
	        {"/tmp/test/node_modules/@a/b/x.js", O_WRONLY, "<@a/b>",
	         "/tmp/test/node_modules/@a/b/package.json"},
	        {"/tmp/test/node_modules/@a/.b-aB3dE6gH/x.js", O_WRONLY, "<@a/b>",
	         "/tmp/test/node_modules/@a/b/package.json"},
	        {"/tmp/test/node_modules/a/node_modules/b/x.js", O_WRONLY, "<b>",
	         "/tmp/test/node_modules/a/node_modules/b/package.json"},
	        {"/tmp/test/node_modules/.package-lock.json", O_WRONLY, NULL, NULL},
	        {"/tmp/test/node_modules/.bin/x", O_WRONLY, NULL, NULL},
	        {"/tmp/test/node_modules/@a", O_WRONLY, NULL, NULL},
	        {"/tmp/test/package-lock.json", O_WRONLY, NULL, NULL},
	        {"/root/.npm/_cacache/tmp/1a2b3c4d-da8f-4deb", O_WRONLY, NULL, NULL},
	        {"/root/.npm/_logs/2026-05-22T17_02_24_700Z-debug-0.log", O_WRONLY, NULL, NULL},
	        {"/dev/null", O_WRONLY, NULL, NULL},
	        {"/usr/lib/node_modules/npm/index.js", O_RDONLY, NULL, NULL},
	        {"/etc/resolv.conf", O_RDONLY, NULL, NULL},
	        /* these are */
	        {"/root/.npmrc", O_RDONLY, "/root/.npmrc", "/root/.npmrc"},
	        {"/root/.ssh/id_rsa", O_RDONLY, "/root/.ssh/id_rsa", "/root/.ssh/id_rsa"},
	        {"/usr/local/bin/tool", O_WRONLY, "/usr/local/bin/tool", "/usr/local/bin/tool"},
	        {"/var/aaaaaaaaaaaa", O_WRONLY, "/var/aaaaaaaaaaaa", "/var/<HEX>"},
	        {"/tmp/x-12345", O_WRONLY, "/tmp/x-12345", "/tmp/<RAND>"},
	        {"/proc/7/environ", O_RDONLY, "/proc/<PID>/environ", "/proc/<PID>/environ"},
	};
	struct fixture *f = *state;
	f->context.actor = ACTOR_MANAGER;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_path(f, cases[i].path, cases[i].flags, cases[i].value);
		if (cases[i].value && !view_is(f->found.compatible, cases[i].compatible))
			fail_msg("'%.*s' is not '%s'", VIEW_ARG(f->found.compatible),
			         cases[i].compatible);
	}
}

static void package_code_keeps_its_detail(void **state)
{
	static const struct {
		const char *path, *value;
		int32_t flags;
		enum mark mark;
	} cases[] = {
	        {"/tmp/test/node_modules/a/build/x.node", "<a>/build/x.node", O_WRONLY, MARK_NONE},
	        {"/tmp/test/node_modules/.a-aB3dE6gH/x", "<.a-aB3dE6gH>/x", O_WRONLY, MARK_NONE},
	        {"/tmp/test/node_modules/a/node_modules/b/x", "<a>/node_modules/b/x", O_WRONLY,
	         MARK_NONE},
	        {"/tmp/test/node_modules/@a/b/x", "<@a/b>/x", O_WRONLY, MARK_NONE},
	        {"/tmp/test/node_modules/a/lib/x.js", "<a>", O_RDONLY, MARK_NONE},
	        {"/tmp/test/node_modules/a/node_modules/b/x.js", "<b>", O_RDONLY, MARK_NONE},
	        {"/tmp/test/package.json", "<.>/package.json", O_RDONLY, MARK_NONE},
	        {"/tmp/testing/x", "/tmp/testing/x", O_RDONLY, MARK_NONE},
	        {"/tmp/elsewhere/node_modules/a/x", "/tmp/elsewhere/node_modules/<a>", O_RDONLY,
	         MARK_NONE},
	        {"/usr/lib/node_modules/npm/node_modules/b/x.js", "/usr/lib/node_modules/<npm>",
	         O_RDONLY, MARK_NONE},
	        {"/usr/lib/node_modules/npm/x.js", "/usr/lib/node_modules/npm/x.js", O_WRONLY,
	         MARK_SYSTEM},
	        {"/tmp/x-12345", "/tmp/x-12345", O_WRONLY, MARK_NONE},
	        {"/var/aaaaaaaaaaaa", "/var/aaaaaaaaaaaa", O_WRONLY, MARK_NONE},
	        {"/root/.npm/_cacache/tmp/1a2b3c4d", "/root/.npm/_cacache/tmp/1a2b3c4d", O_WRONLY,
	         MARK_NONE},
	        {"/proc/42/mem", "/proc/<PID>/mem", O_RDONLY, MARK_CREDENTIAL},
	        {"/proc/42/task/43/environ", "/proc/<PID>/task/<TID>/environ", O_RDONLY,
	         MARK_CREDENTIAL},
	        {"/proc/42/task/4x/environ", "/proc/<PID>/task/4x/environ", O_RDONLY,
	         MARK_CREDENTIAL},
	        {"/proc/42x/mem", "/proc/42x/mem", O_RDONLY, MARK_CREDENTIAL},
	        {"/root/.npmrc", "/root/.npmrc", O_RDONLY, MARK_CREDENTIAL},
	        {"/home/me/.aws/credentials", "/home/me/.aws/credentials", O_RDONLY,
	         MARK_CREDENTIAL},
	        {"/root/.bashrc", "/root/.bashrc", O_WRONLY, MARK_STARTED},
	        {"/root/.config/systemd/user/x.service", "/root/.config/systemd/user/x.service",
	         O_WRONLY, MARK_STARTED},
	        {"/tmp/test/.github/workflows/x.yml", "<.>/.github/workflows/x.yml", O_WRONLY,
	         MARK_STARTED},
	        {"/tmp/test/.git/hooks/pre-commit", "<.>/.git/hooks/pre-commit", O_WRONLY,
	         MARK_STARTED},
	        {"/var/spool/cron/root", "/var/spool/cron/root", O_WRONLY, MARK_STARTED},
	        {"/root/Desktop/x.txt", "/root/Desktop/x.txt", O_WRONLY, MARK_HOME},
	        {"/root/.cache/x/y", "/root/.cache/x/y", O_WRONLY, MARK_NONE},
	        {"/root/.cache", "/root/.cache", O_WRONLY, MARK_NONE},
	        {"/root/.config", "/root/.config", O_WRONLY, MARK_NONE},
	        {"/root/.config/x", "/root/.config/x", O_WRONLY, MARK_HOME},
	        {"/root/.cachet", "/root/.cachet", O_WRONLY, MARK_HOME},
	        {"/root/.c", "/root/.c", O_WRONLY, MARK_HOME},
	        {"/etc/x", "/etc/x", O_WRONLY, MARK_SYSTEM},
	};
	struct fixture *f = *state;
	f->context.actor = ACTOR_PACKAGE;
	f->context.root = VIEW_LITERAL("/tmp/test");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_path(f, cases[i].path, cases[i].flags, cases[i].value);
		if (f->found.mark != cases[i].mark)
			fail_msg("'%s' is marked %d", cases[i].path, (int)f->found.mark);
	}
}

static void looking_for_a_credential_is_no_read(void **state)
{
	struct fixture *f = *state;
	struct event event = {.type = EVENT_FILE, .file.operation = FILE_STAT};
	event.file.path = VIEW_LITERAL("/root/.npmrc");
	f->context.actor = ACTOR_PACKAGE;
	expect(f, &event, CATEGORY_PATH_READ, "stat:/root/.npmrc");
	assert_true(view_is(f->found.compatible, "/root/.npmrc"));
	assert_int_equal(f->found.mark, MARK_PROBE);
	assert_false(f->found.cred);
	event.file.path = VIEW_LITERAL("/root/x");
	expect(f, &event, CATEGORY_PATH_READ, NULL);
	f->context.actor = ACTOR_MANAGER;
	event.file.path = VIEW_LITERAL("/root/.npmrc");
	expect(f, &event, CATEGORY_PATH_READ, NULL);
}

static struct event connect_to(uint8_t last, uint16_t port, const char *name)
{
	struct event event = {.type = EVENT_CONNECT};
	event.process.start_ns = 1; /* our sensor */
	event.connect.family = AF_INET;
	event.connect.port = port;
	event.connect.name = view_of_string(name);
	memcpy(event.connect.address, (uint8_t[]){192, 0, 2, last}, 4);
	return event;
}

static void destinations_have_names(void **state)
{
	struct fixture *f = *state;
	f->context.actor = ACTOR_PACKAGE;
	struct event event = connect_to(1, 443, "Cdn.Example.TEST");
	expect(f, &event, CATEGORY_DESTINATION, "cdn.example.test:443");
	assert_true(view_is(f->found.compatible, "192.0.2.1:443"));
	assert_int_equal(f->found.mark, MARK_NONE);
	event = connect_to(1, 4444, "");
	expect(f, &event, CATEGORY_DESTINATION, "192.0.2.1:4444");
	assert_int_equal(f->found.mark, MARK_NAMELESS);
	f->context.resolver = true;
	event = connect_to(53, 53, "");
	expect(f, &event, CATEGORY_DESTINATION, "<resolver>:53");
	assert_true(view_is(f->found.compatible, "192.0.2.53:53"));
	f->context.resolver = false;

	/* of a content network: nothing with a name, else it waits for a TLS host */
	event = connect_to(1, 443, "a.test");
	memcpy(event.connect.address, (uint8_t[]){104, 16, 0, 1}, 4);
	expect(f, &event, CATEGORY_DESTINATION, NULL);
	event.connect.name = (struct view){0};
	expect(f, &event, CATEGORY_DESTINATION, "104.16.0.1:443");
	assert_true(f->found.unnamed);
	event = (struct event){.type = EVENT_CONNECT};
	event.connect.interface = VIEW_LITERAL("raw:1");
	expect(f, &event, CATEGORY_DESTINATION, "<raw:1>");
	memcpy(event.connect.address, (uint8_t[]){169, 254, 169, 254}, 4);
	event.connect.interface = (struct view){0};
	event.connect.family = AF_INET;
	event.connect.port = 80;
	expect(f, &event, CATEGORY_DESTINATION, "169.254.169.254:80");
	assert_int_equal(f->found.mark, MARK_METADATA);
}

static void other_ways_into_the_kernel(void **state)
{
	static const struct {
		const char *interface, *value;
		enum mark mark;
	} cases[] = {
	        {"raw:1", "<raw:1>", MARK_BYPASS},
	        {"packet", "<packet>", MARK_BYPASS},
	        {"x32", "<x32>", MARK_BYPASS},
	        {"sigsys", "<sigsys>", MARK_BYPASS},
	        {"process_vm_readv", "<process_vm_readv>", MARK_PROCESS},
	        {"ptrace", "<ptrace>", MARK_PROCESS},
	        {"io_uring", "<io_uring>", MARK_NONE},
	        {"netlink:9", "<netlink:9>", MARK_NONE},
	        {"what:1", "<what:1>", MARK_NONE},
	        {"unix:/tmp/x", "<unix:/tmp/x>", MARK_NONE},
	        {"unix:@x", "<unix:@x>", MARK_NONE},
	        {"unix:/var/run/docker.sock", "<unix:/var/run/docker.sock>", MARK_CONTROL},
	        {"unix:/tmp/ssh-aB3/agent.7", "<unix:/tmp/ssh-aB3/agent.7>", MARK_CONTROL},
	        {"unix:/run/nscd/socket", NULL, MARK_NONE},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = {.type = EVENT_CONNECT};
		event.connect.interface = view_of_string(cases[i].interface);
		f->context.actor = ACTOR_PACKAGE;
		expect(f, &event, CATEGORY_DESTINATION, cases[i].value);
		if (cases[i].value)
			assert_int_equal(f->found.mark, cases[i].mark);
		f->context.actor = ACTOR_MANAGER;
		expect(f, &event, CATEGORY_DESTINATION, cases[i].value);
		assert_int_equal(f->found.mark, MARK_NONE);
	}
}

static void hidden_hosts(void **state)
{
	static const struct {
		const char *sni, *value, *compatible, *of_existing;
		enum mark mark;
		bool ech, parse_failed;
	} cases[] = {
	        {"a.test", "a.test", "a.test", "a.test", MARK_NONE, false, false},
	        {"", "<unnamed>", "<unnamed>", NULL, MARK_NONE, false, false},
	        {"", "<unreadable>", "<unreadable>", NULL, MARK_HIDDEN, false, true},
	        {"Front.test", "<ech:front.test>", "front.test", "<ech:front.test>", MARK_HIDDEN,
	         true, false},
	        {"", "<ech:>", "<ech:>", "<ech:>", MARK_HIDDEN, true, false},
	};
	struct fixture *f = *state;
	f->context.actor = ACTOR_PACKAGE;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = {.type = EVENT_TLS, .process.start_ns = 1};
		event.tls.sni = view_of_string(cases[i].sni);
		event.tls.ech = cases[i].ech;
		event.tls.parse_failed = cases[i].parse_failed;
		expect(f, &event, CATEGORY_HTTPS_HOST, cases[i].value);
		assert_true(view_is(f->found.compatible, cases[i].compatible));
		assert_int_equal(f->found.mark, cases[i].mark);
		/* an existing runner misses names, and says so like this */
		event.process.start_ns = 0;
		expect(f, &event, CATEGORY_HTTPS_HOST, cases[i].of_existing);
	}
}

static void what_sets_the_sandbox_up_is_nobodys(void **state)
{
	struct fixture *f = *state;
	f->context = (struct event_context){.actor = ACTOR_MANAGER, .setup = true};
	expect_path(f, "/etc/shadow", O_RDONLY, NULL);
}

/* Small alphabets, so that the places are met: components that rules look for, and looks of
 * randomness. */
static void random_path(unsigned *seed, char *out, size_t size)
{
	static const char *const parts[] = {
	        "tmp", "test",   "node_modules", ".bin",        "@a",
	        "b",   "lodash", ".npm",         "_cacache",    "aaaaaaaaaaaa",
	        "x-1", "x-123",  "x-124",        "1a2b3c",      "proc",
	        "42",  "mem",    "bbbbbbbbbbbb", ".x-aB3dE6gH", "2026-05-22.log",
	};
	size_t used = 0;
	out[0] = '\0';
	for (int count = rand_r(seed) % 6 + 1; count > 0; count--)
		used += (size_t)snprintf(
		        out + used, size - used, "/%s",
		        parts[(size_t)rand_r(seed) % (sizeof(parts) / sizeof(parts[0]))]);
}

static char *written_value(struct fixture *f, const char *path)
{
	struct event event = {.type = EVENT_FILE};
	event.file.path = view_of_string(path);
	event.file.flags = O_WRONLY;
	assert_true(
	        fingerprint_of(&f->fingerprinter, &event, &f->context, f->filter, NULL, &f->found));
	return view_dup(f->found.value);
}

/* In /proc, a process id is the one thing that is folded. */
static bool in_known_place(const char *path)
{
	return strncmp(path, "/proc/", strlen("/proc/")) == 0;
}

static void what_packages_write_is_never_merged(void **state)
{
	enum { ROUNDS = 200000, PATH_MAX_BYTES = 256 };
	struct fixture *f = *state;
	unsigned seed = 1;
	f->context.actor = ACTOR_PACKAGE;
	f->context.root = VIEW_LITERAL("/tmp/test");
	for (int i = 0; i < ROUNDS; i++) {
		char first[PATH_MAX_BYTES], second[PATH_MAX_BYTES];
		random_path(&seed, first, sizeof(first));
		random_path(&seed, second, sizeof(second));
		AUTO(free) char *a = written_value(f, first), *b = written_value(f, second);
		if (strcmp(first, second) != 0 && strcmp(a, b) == 0 && !in_known_place(first))
			fail_msg("'%s' and '%s' are both '%s'", first, second, a);
		AUTO(free) char *again = written_value(f, a);
		assert_string_equal(again, a);
	}
}

static void long_values_keep_apart(void **state)
{
	struct fixture *f = *state;
	char *path = xmalloc(EVENT_TEXT_MAX);
	memset(path, 'x', EVENT_TEXT_MAX);
	path[0] = '/';
	struct event event = {.type = EVENT_FILE};
	event.file.path = view_of(path, EVENT_TEXT_MAX);
	assert_true(
	        fingerprint_of(&f->fingerprinter, &event, &f->context, f->filter, NULL, &f->found));
	assert_int_equal(f->found.value.size, FINGERPRINT_VALUE_MAX);
	AUTO(free) char *first = view_dup(f->found.value);

	path[EVENT_TEXT_MAX - 1] = 'y';
	assert_true(
	        fingerprint_of(&f->fingerprinter, &event, &f->context, f->filter, NULL, &f->found));
	assert_false(view_is(f->found.value, first));
	event.file.path.size = FINGERPRINT_VALUE_MAX;
	assert_true(
	        fingerprint_of(&f->fingerprinter, &event, &f->context, f->filter, NULL, &f->found));
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
	        CASE(npms_own_doing_is_no_behaviour),
	        CASE(package_code_keeps_its_detail),
	        CASE(looking_for_a_credential_is_no_read),
	        CASE(destinations_have_names),
	        CASE(other_ways_into_the_kernel),
	        CASE(hidden_hosts),
	        CASE(what_sets_the_sandbox_up_is_nobodys),
	        CASE(what_packages_write_is_never_merged),
	        CASE(long_values_keep_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
