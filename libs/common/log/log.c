// SPDX-License-Identifier: Apache-2.0
#include "log/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "json/json_writer.h"

enum {
	LINE_MAX_BYTES = PIPE_BUF, /* what one write(2) to a shared pipe keeps in one piece */
	TAIL_BYTES = 32,           /* room for the mark of a cut line, its closing brace and \n */
	MSG_MAX_BYTES = 512,       /* fits a line even when every byte is escaped to six */
	VALUE_MAX_BYTES = 1024,    /* of a field value before escaping */
};

static struct {
	const char *service;
	enum log_level level;
	enum log_format format;
} setup = {"fangs", LOG_LEVEL_INFO, LOG_FORMAT_JSON};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"json", "text"};

void log_setup(const char *service, enum log_level level, enum log_format format)
{
	setup.service = service;
	setup.level = level;
	setup.format = format;
}

static bool find_name(const char *const names[], size_t count, const char *text, size_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (view_is(view_of_string(text), names[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool log_level_parse(const char *text, enum log_level *ret)
{
	size_t index = 0;
	if (!find_name(level_names, sizeof(level_names) / sizeof(level_names[0]), text, &index))
		return false;
	*ret = (enum log_level)index;
	return true;
}

bool log_format_parse(const char *text, enum log_format *ret)
{
	size_t index = 0;
	if (!find_name(format_names, sizeof(format_names) / sizeof(format_names[0]), text, &index))
		return false;
	*ret = (enum log_format)index;
	return true;
}

/* RFC 3339 with exactly three decimals, so that lines align and sort. */
static void format_time(char *text, size_t size)
{
	int64_t now_ms = clock_wall_ns() / NS_PER_MS;
	clock_format_rfc3339(now_ms / MS_PER_S * NS_PER_S, text, size); /* ends in "SSZ" */
	size_t used = strlen(text) - 1;
	(void)snprintf(text + used, size - used, ".%03dZ", (int)(now_ms % MS_PER_S));
}

/* One line under construction; a field that does not fit is taken back and marks the line. */
struct line {
	struct buf buf;
	struct json_writer json;
	bool cut;
};

static struct view bounded(struct line *line, struct view text, size_t max)
{
	struct view prefix = utf8_prefix(text, max);
	line->cut |= prefix.size < text.size;
	return prefix;
}

static void put_json_value(struct line *line, const struct log_field *field)
{
	switch (field->type) {
	case LOG_FIELD_VIEW:
		json_member_view(&line->json, field->key,
		                 bounded(line, field->text, VALUE_MAX_BYTES));
		break;
	case LOG_FIELD_INT:
		json_member_int(&line->json, field->key, field->number);
		break;
	case LOG_FIELD_BOOL:
		json_member_bool(&line->json, field->key, field->number != 0);
		break;
	}
}

static void json_head(struct line *line, enum log_level level, const char *msg)
{
	char time[CLOCK_TEXT_MAX];
	format_time(time, sizeof(time));
	json_object(&line->json);
	json_member_string(&line->json, "time", time);
	json_member_string(&line->json, "level", level_names[level]);
	json_member_string(&line->json, "service", setup.service);
	json_member_view(&line->json, "msg", bounded(line, view_of_string(msg), MSG_MAX_BYTES));
}

static void json_tail(struct line *line)
{
	if (line->cut)
		json_member_bool(&line->json, "truncated", true);
	json_end_object(&line->json);
}

static bool is_word(struct view text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] <= ' ' || text.data[i] >= 0x7f || strchr("\"\\=<>&", text.data[i]))
			return false;
	return text.size > 0;
}

static void put_text_value(struct line *line, const struct log_field *field)
{
	struct view text = bounded(line, field->text, VALUE_MAX_BYTES);
	struct json_writer quoted = json_writer_on(&line->buf);
	buf_printf(&line->buf, " %s=", field->key);
	if (field->type == LOG_FIELD_INT)
		buf_printf(&line->buf, "%" PRId64, field->number);
	else if (field->type == LOG_FIELD_BOOL)
		buf_append_string(&line->buf, field->number ? "true" : "false");
	else if (is_word(text))
		buf_append_view(&line->buf, text);
	else
		json_put_view(&quoted, text);
}

static void text_head(struct line *line, enum log_level level, const char *msg)
{
	char time[CLOCK_TEXT_MAX];
	format_time(time, sizeof(time));
	buf_printf(&line->buf, "%s %-5s %s: ", time, level_names[level], setup.service);
	utf8_append_valid(&line->buf, bounded(line, view_of_string(msg), MSG_MAX_BYTES));
}

static void text_tail(struct line *line)
{
	if (line->cut)
		buf_append_string(&line->buf, " truncated=true");
}

static const struct form {
	void (*head)(struct line *line, enum log_level level, const char *msg);
	void (*value)(struct line *line, const struct log_field *field);
	void (*tail)(struct line *line);
} forms[] = {
        [LOG_FORMAT_JSON] = {json_head, put_json_value, json_tail},
        [LOG_FORMAT_TEXT] = {text_head, put_text_value, text_tail},
};

static void put_field(struct line *line, const struct form *form, const struct log_field *field)
{
	struct json_writer json_before = line->json;
	size_t size_before = line->buf.size;
	form->value(line, field);
	if (!line->buf.overflowed)
		return;
	buf_truncate(&line->buf, size_before);
	line->json = json_before;
	line->cut = true;
}

static void write_line(struct view line)
{
	ssize_t written = 0;
	do {
		written = write(STDERR_FILENO, line.data, line.size);
	} while (written < 0 && errno == EINTR);
	/* Nobody is left to tell that stderr is gone. */
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t count)
{
	if (level < setup.level)
		return;
	int saved_errno = errno; /* a log call must not disturb its caller's error handling */
	const struct form *form = &forms[setup.format];
	struct line line = {0};
	buf_init(&line.buf, LINE_MAX_BYTES - TAIL_BYTES);
	line.json = json_writer_on(&line.buf);
	form->head(&line, level, msg);
	for (size_t i = 0; i < count; i++)
		put_field(&line, form, &fields[i]);
	line.buf.max = LINE_MAX_BYTES;
	form->tail(&line);
	buf_append_char(&line.buf, '\n');
	write_line(buf_view(&line.buf));
	buf_release(&line.buf);
	errno = saved_errno;
}
