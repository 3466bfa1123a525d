// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "log/log.h"
#include "json/json.h"

static int64_t fixed_time(bool wall)
{
	(void)wall;
	return INT64_C(1795378734819653388); /* 2026-11-22T20:18:54.819653388Z */
}

/* What is written to stderr between begin and end, which is put back. */
struct capture {
	int pipe[2], saved;
	char text[2 * PIPE_BUF];
};

static void capture_begin(struct capture *capture)
{
	assert_int_equal(pipe(capture->pipe), 0);
	capture->saved = dup(STDERR_FILENO);
	assert_true(dup2(capture->pipe[1], STDERR_FILENO) >= 0);
}

static void capture_end(struct capture *capture)
{
	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	(void)close(capture->saved);
	(void)close(capture->pipe[1]);
	ssize_t size = read(capture->pipe[0], capture->text, sizeof(capture->text) - 1);
	assert_true(size >= 0);
	capture->text[size] = '\0';
	(void)close(capture->pipe[0]);
}

static void json_lines_have_head_and_fields(void **state)
{
	(void)state;
	struct capture capture;
	struct error err = {0};
	(void)error_set_errno(&err, ENOENT, "cannot open '%s'", "a\nb");
	log_setup("differ", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	capture_begin(&capture);
	LOG_INFO("run placed", LOG_STR("run_id", "abc"), LOG_INT("attempt", 2),
	         LOG_BOOL("ok", true), LOG_VIEW("view", view_of("xyz", 2)), LOG_ERR(&err));
	capture_end(&capture);
	assert_string_equal(capture.text,
	                    "{\"time\":\"2026-11-22T20:18:54.819Z\",\"level\":\"info\","
	                    "\"service\":\"differ\",\"msg\":\"run placed\",\"run_id\":\"abc\","
	                    "\"attempt\":2,\"ok\":true,\"view\":\"xy\","
	                    "\"error\":\"cannot open 'a\\nb': No such file or directory\"}\n");
}

static void text_lines_quote_what_is_no_word(void **state)
{
	(void)state;
	struct capture capture;
	log_setup("differ", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	capture_begin(&capture);
	LOG_WARN("run late", LOG_STR("id", "a-1"), LOG_STR("why", "no runner\x1b[2J"),
	         LOG_STR("empty", NULL), LOG_INT("n", -1), LOG_BOOL("ok", false));
	capture_end(&capture);
	assert_string_equal(capture.text, "2026-11-22T20:18:54.819Z warn  differ: run late id=a-1 "
	                                  "why=\"no runner\\u001b[2J\" empty=\"\" n=-1 ok=false\n");
}

static void lower_levels_are_silent(void **state)
{
	(void)state;
	struct capture capture;
	log_setup("differ", LOG_LEVEL_WARN, LOG_FORMAT_JSON);
	capture_begin(&capture);
	LOG_DEBUG("no");
	LOG_INFO("no", LOG_INT("n", 1));
	LOG_ERROR("yes");
	capture_end(&capture);
	assert_null(strstr(capture.text, "\"no\""));
	assert_non_null(strstr(capture.text, "\"level\":\"error\""));
}

/* Even when each byte of everything is escaped, a line stays valid and below PIPE_BUF. */
static void long_lines_are_cut_and_stay_valid(void **state)
{
	(void)state;
	static const enum log_format formats[] = {LOG_FORMAT_JSON, LOG_FORMAT_TEXT};
	char nasty[5000];
	memset(nasty, 1, sizeof(nasty) - 1);
	nasty[sizeof(nasty) - 1] = '\0';
	for (size_t i = 0; i < 2; i++) {
		struct capture capture;
		log_setup("differ", LOG_LEVEL_INFO, formats[i]);
		capture_begin(&capture);
		LOG_INFO(nasty, LOG_STR("a", nasty), LOG_STR("b", nasty), LOG_INT("n", 7));
		capture_end(&capture);
		size_t size = strlen(capture.text);
		assert_true(size > 0 && size <= PIPE_BUF);
		assert_int_equal(capture.text[size - 1], '\n');
		assert_non_null(strstr(capture.text, "truncated"));
		if (formats[i] == LOG_FORMAT_TEXT)
			continue;
		struct error err = {0};
		AUTO(json) struct json *line = json_parse(view_of(capture.text, size), true, &err);
		assert_true(json_bool(json_get(line, "truncated"), false));
		assert_int_equal(json_int(json_get(line, "n"), 0), 7);
	}
}

static void errno_is_left_alone(void **state)
{
	(void)state;
	struct capture capture;
	log_setup("differ", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	capture_begin(&capture);
	errno = EXDEV;
	LOG_INFO("x");
	int after = errno;
	capture_end(&capture);
	assert_int_equal(after, EXDEV);
}

static void names_are_parsed(void **state)
{
	(void)state;
	enum log_level level = LOG_LEVEL_DEBUG;
	enum log_format format = LOG_FORMAT_JSON;
	assert_true(log_level_parse("error", &level));
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_false(log_level_parse("Error", &level));
	assert_true(log_format_parse("text", &format));
	assert_int_equal(format, LOG_FORMAT_TEXT);
	assert_false(log_format_parse("", &format));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(json_lines_have_head_and_fields),
	        cmocka_unit_test(text_lines_quote_what_is_no_word),
	        cmocka_unit_test(lower_levels_are_silent),
	        cmocka_unit_test(long_lines_are_cut_and_stay_valid),
	        cmocka_unit_test(errno_is_left_alone),
	        cmocka_unit_test(names_are_parsed),
	};
	clock_set_source(fixed_time);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
