// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "normalize.h"

/* Taken from runs of the existing system. */
static const struct {
	const char *input, *output;
} golden[] = {
        {"/proc/1", "/proc/<PID>"},
        {"/proc/123/task/456/stat", "/proc/<PID>/task/456/stat"},
        {"/proc/12a/x", "/proc/12a/x"},
        {"/proc/self/environ", "/proc/self/environ"},
        {"/tmp/npm-2156-abc/foo", "/tmp/<RAND>/foo"},
        {"/tmp/npm-12/foo", "/tmp/npm-12/foo"},
        {"/tmp/a-b-1234", "/tmp/<RAND>"},
        {"/tmp/-123", "/tmp/<RAND>"},
        {"/tmp/a-1234-9999.txt/z", "/tmp/<RAND>/z"},
        {"/tmp/npm-12345ABC_.-x/y-99999", "/tmp/<RAND>/y-99999"},
        {"/tmp/test/npm-12345/x", "/tmp/test/npm-12345/x"},
        {"/root/.npm/_logs/2026-05-22T17_02_24_700Z-debug-0.log",
         "/root/.npm/_logs/<TIMESTAMP>-debug-<N>.log"},
        {"/root/.npm/_logs/2026-05-22T17_02_24_700Z-eresolve-report.txt",
         "/root/.npm/_logs/2026-05-22T17_02_24_700Z-eresolve-report.txt"},
        {"/x/2026-05-22.log", "/x/<DATE>.log"},
        {"/x/2026-05-22.log.gz", "/x/2026-05-22.log.gz"},
        {"/x/2026-05-22", "/x/2026-05-22"},
        {"/x/a-2026-05-22.log", "/x/a-2026-05-22.log"},
        {"/root/.npm/_cacache/content-v2/sha512/ab/cd/abc123def",
         "/root/.npm/_cacache/content-v2/sha512/<SHA256>"},
        {"/root/.npm/_cacache/content-v2/sha512/ab/cd/abc123defXYZ",
         "/root/.npm/_cacache/content-v2/sha512/<SHA256>XYZ"},
        {"/root/.npm/_cacache/content-v2/sha512/00/11/22/33/44",
         "/root/.npm/_cacache/content-v2/sha512/<SHA256>/33/44"},
        {"/root/.npm/_cacache/index-v5/46/33/b2abd2", "/root/.npm/_cacache/index-v5/<HASH>"},
        {"/root/.npm/_cacache/index-v5/46/33", "/root/.npm/_cacache/index-v5/46/33"},
        {"/root/.npm/_cacache/tmp/1a2b3c4d", "/root/.npm/_cacache/tmp/<HEX>"},
        {"/root/.npm/_cacache/tmp/1a2b3c4dzz", "/root/.npm/_cacache/tmp/<HEX>zz"},
        {"/root/.npm/_cacache/tmp/git-cloneXXXX/y", "/root/.npm/_cacache/tmp/git-cloneXXXX/y"},
        {"/var/aaaaaaaaaaaa", "/var/<HEX>"},
        {"/var/aaaaaaaaaaaa/bbbbbbbbbbbb/x", "/var/<HEX>/bbbbbbbbbbbb/x"},
        {"/usr/feedfacefeed/0123456789ab/cafecafecafe/end", "/usr/<HEX>/0123456789ab/<HEX>/end"},
        {"/var/aaaaaaaaaaaa/b/cccccccccccccc/", "/var/<HEX>/b/<HEX>/"},
        {"/var/aaaaaaaaaaa/x", "/var/aaaaaaaaaaa/x"},
        {"/var/ABCDEFABCDEF/x", "/var/ABCDEFABCDEF/x"},
        {"/var/aaaaaaaaaaaa.txt", "/var/aaaaaaaaaaaa.txt"},
        {"relative/0123456789ab/x", "relative/<HEX>/x"},
};

/* What the rules say where the vectors above are silent. */
static const struct {
	const char *input, *output;
} derived[] = {
        {"", ""},
        {"/", "/"},
        {"/proc/", "/proc/"},
        {"/proc/7/", "/proc/<PID>/"},
        {"x/proc/7", "x/proc/7"},
        {"/tmp/", "/tmp/"},
        {"/tmp/a-12-345", "/tmp/<RAND>"},
        {"/tmp/npm-1234@x", "/tmp/<RAND>@x"},
        {"/2026-05-22T1Z-debug-0.log", "/<TIMESTAMP>-debug-<N>.log"},
        {"/2026-05-22TZ-debug-0.log", "/2026-05-22TZ-debug-0.log"},
        {"/2026-05-22T1Z-debug-0.log/x", "/2026-05-22T1Z-debug-0.log/x"},
        {"/2026-05-22.log\n", "/2026-05-22.log\n"},
        {"/a/2026-05-22.log/2026-05-22.txt", "/a/2026-05-22.log/<DATE>.txt"},
        /* rule 5 on an index path deep enough for it */
        {"/.npm/_cacache/index-v5/46/33/b2/abc", "/.npm/_cacache/index-v5/46/<SHA256>"},
        /* two caches in one path */
        {"/.npm/_cacache/tmp/a/.npm/_cacache/tmp/b",
         "/.npm/_cacache/tmp/<HEX>/.npm/_cacache/tmp/<HEX>"},
        /* the name of the first literal is the segment of the second */
        {"/.npm/_cacache/.npm/_cacache/x/y/ab/cd/e", "/.npm/_cacache/.npm/_cacache/x/y/<SHA256>"},
        {"/.npm/_cacache/tmpx/a", "/.npm/_cacache/tmpx/a"},
        {"/.npm/_cacache/tmp/G", "/.npm/_cacache/tmp/G"},
        /* one rule's output is the next one's input */
        {"/tmp/x-1234/0123456789abcdef", "/tmp/<RAND>/<HEX>"},
        {"/proc/1/aaaaaaaaaaaa", "/proc/<PID>/<HEX>"},
};

static void check(struct normalizer *normalizer, const char *input, const char *expected)
{
	struct view output = normalize_path(normalizer, view_of_string(input));
	if (!view_is(output, expected))
		fail_msg("'%s' became '%.*s', not '%s'", input, VIEW_ARG(output), expected);
}

static void golden_vectors(void **state)
{
	struct normalizer normalizer;
	(void)state;
	normalizer_init(&normalizer);
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++)
		check(&normalizer, golden[i].input, golden[i].output);
	normalizer_release(&normalizer);
}

static void derived_vectors(void **state)
{
	struct normalizer normalizer;
	(void)state;
	normalizer_init(&normalizer);
	for (size_t i = 0; i < sizeof(derived) / sizeof(derived[0]); i++)
		check(&normalizer, derived[i].input, derived[i].output);
	normalizer_release(&normalizer);
}

static void unchanged_path_is_not_copied(void **state)
{
	static const char path[] = "/usr/lib/node_modules/npm/index.js";
	struct normalizer normalizer;
	(void)state;
	normalizer_init(&normalizer);
	assert_ptr_equal(normalize_path(&normalizer, view_of_string(path)).data, path);
	normalizer_release(&normalizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(golden_vectors),
	        cmocka_unit_test(derived_vectors),
	        cmocka_unit_test(unchanged_path_is_not_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
