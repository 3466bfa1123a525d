// SPDX-License-Identifier: Apache-2.0
/*
 * What we write, protoc reads by docs/events.proto, and what protoc writes from the same values has
 * the same bytes. The values are in testdata/ in protoc's text form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "model/event_codec.h"
#include "model/model_fixture.h"

enum { MESSAGE_MAX = 64 * 1024, SKIP = 77 };

static char directory[] = "/tmp/fangs-protoc-XXXXXX";

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

/* Runs protoc from a file into a file; its exit status, negative when it cannot be run. */
static int protoc(const char *mode, const char *from, const char *to)
{
	AUTO(free) char *option = xasprintf("--%s=fangs.events.v1.Message", mode);
	char include[] = "-I" FANGS_DOCS;
	char file[] = "events.proto";
	char program[] = "protoc";
	char *arguments[] = {program, include, option, file, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int status = -1;
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, from, O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, to,
	                                       O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int rc = posix_spawnp(&pid, program, &actions, NULL, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (rc != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void write_file(const char *path, struct view content)
{
	AUTO(fclose) FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(content.data, 1, content.size, file), content.size);
}

static void read_file(const char *path, struct buf *ret)
{
	AUTO(fclose) FILE *file = fopen(path, "re");
	assert_non_null(file);
	buf_init(ret, MESSAGE_MAX);
	char *room = buf_reserve(ret, MESSAGE_MAX - 1);
	buf_advance(ret, fread(room, 1, MESSAGE_MAX - 1, file));
}

static void assert_protoc_agrees(const struct buf *message, const char *golden_path)
{
	AUTO(free) char *ours = path_of("ours");
	AUTO(free) char *text = path_of("text");
	AUTO(free) char *theirs = path_of("theirs");
	AUTO(buf) struct buf golden;
	AUTO(buf) struct buf decoded;
	AUTO(buf) struct buf encoded;
	assert_false(message->overflowed);
	read_file(golden_path, &golden);
	write_file(ours, buf_view(message));
	assert_int_equal(protoc("decode", ours, text), 0);
	read_file(text, &decoded);
	assert_string_equal(decoded.data, golden.data);
	assert_int_equal(protoc("encode", golden_path, theirs), 0);
	read_file(theirs, &encoded);
	assert_int_equal(encoded.size, message->size);
	assert_memory_equal(encoded.data, message->data, encoded.size);
}

static void batches_agree(void **state)
{
	(void)state;
	AUTO(buf) struct buf message;
	buf_init(&message, MESSAGE_MAX);
	struct events_header header = model_fixture_header(EVENTS_BATCH);
	events_write_batch(&message, &header);
	for (size_t i = 0; i < MODEL_FIXTURE_EVENTS; i++)
		events_write_event(&message, &model_fixture_events[i]);
	const struct event unknown = {
	        .type = EVENT_UNKNOWN, .wire_type = 9, .unknown = VIEW_LITERAL("{\"a\":1}")};
	events_write_event(&message, &unknown);
	assert_protoc_agrees(&message, FANGS_MODEL_TESTDATA "/batch.txtpb");
}

static void results_agree(void **state)
{
	(void)state;
	AUTO(buf) struct buf message;
	buf_init(&message, MESSAGE_MAX);
	struct events_header header = model_fixture_header(EVENTS_RESULT);
	events_write_result(&message, &header, &model_fixture_result);
	assert_protoc_agrees(&message, FANGS_MODEL_TESTDATA "/result.txtpb");
}

static int teardown(void **state)
{
	(void)state;
	static const char *const names[] = {"ours", "text", "theirs"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO(free) char *path = path_of(names[i]);
		(void)unlink(path);
	}
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(batches_agree),
	        cmocka_unit_test(results_agree),
	};
	if (protoc("encode", "/dev/null", "/dev/null") != 0)
		return SKIP; /* protobuf-compiler is not installed */
	if (!mkdtemp(directory))
		return 1;
	return cmocka_run_group_tests(tests, NULL, teardown);
}
