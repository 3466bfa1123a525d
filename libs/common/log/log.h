// SPDX-License-Identifier: Apache-2.0
/*
 * Structured log: one line per entry on stderr, JSON by default (`time`, `level`, `service`, `msg`,
 * then the fields), or text for people.
 *
 * Libraries do not log: they return errors. Whoever handles an error logs it, once, with
 * log_error_of(). Lines are written whole by one write(2), so threads and processes may share
 * stderr. Field values are escaped; text from outside is safe to log.
 *
 *   LOG_INFO("run placed", LOG_STR("run_id", id), LOG_INT("attempt", attempt));
 */
#ifndef FANGS_LOG_LOG_H
#define FANGS_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/view.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct log_field {
	const char *key;
	enum { LOG_FIELD_VIEW, LOG_FIELD_INT, LOG_FIELD_BOOL } type;
	struct view text;
	int64_t number;
};

#define LOG_STR(k, s)                                                                              \
	((struct log_field){.key = (k), .type = LOG_FIELD_VIEW, .text = view_of_string(s)})
#define LOG_VIEW(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_VIEW, .text = (v)})
#define LOG_INT(k, n)                                                                              \
	((struct log_field){.key = (k), .type = LOG_FIELD_INT, .number = (int64_t)(n)})
#define LOG_BOOL(k, b) ((struct log_field){.key = (k), .type = LOG_FIELD_BOOL, .number = (b)})

/* Process-wide, set once at start before threads; `service` is borrowed for ever. */
void log_setup(const char *service, enum log_level level, enum log_format format);
bool log_level_parse(const char *text, enum log_level *ret);   /* debug, info, warn, error */
bool log_format_parse(const char *text, enum log_format *ret); /* json, text */

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t count);

#define LOG_AT(level, msg, ...)                                                                    \
	log_write((level), (msg), (const struct log_field[]){{0}, ##__VA_ARGS__} + 1,              \
	          sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) /                         \
	                          sizeof(struct log_field) -                                       \
	                  1)
#define LOG_DEBUG(msg, ...) LOG_AT(LOG_LEVEL_DEBUG, msg, ##__VA_ARGS__)
#define LOG_INFO(msg, ...) LOG_AT(LOG_LEVEL_INFO, msg, ##__VA_ARGS__)
#define LOG_WARN(msg, ...) LOG_AT(LOG_LEVEL_WARN, msg, ##__VA_ARGS__)
#define LOG_ERROR(msg, ...) LOG_AT(LOG_LEVEL_ERROR, msg, ##__VA_ARGS__)

/* The field that carries an error's sentence: LOG_WARN("...", LOG_ERR(&err)). */
#define LOG_ERR(err) LOG_STR("error", (err)->text)

#endif
