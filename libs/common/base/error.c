// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum error_class class_of(int code)
{
	switch (code) {
	case EINVAL:
	case EPROTO:
	case EBADMSG:
	case ENOENT:
	case E2BIG:
	case EILSEQ:
		return ERROR_DROP;
	case ENOMEM:
	case EPERM:
	case ENOSYS:
	case EOVERFLOW:
		return ERROR_FATAL;
	default:
		return ERROR_RETRY;
	}
}

__attribute__((format(printf, 2, 0))) static void set_text(struct error *err, const char *format,
                                                           va_list args)
{
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
}

int error_set(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return -code;
	va_list args;
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	err->code = code;
	err->class = class_of(code);
	return -code;
}

int error_set_class(struct error *err, enum error_class class, int code, const char *format, ...)
{
	if (!err)
		return -code;
	va_list args;
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	err->code = code;
	err->class = class;
	return -code;
}

static const char *reason_of(int code, char *buffer, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(code, buffer, size);
#else
	return strerror_r(code, buffer, size) == 0 ? buffer : "unknown error";
#endif
}

int error_set_errno(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return -code;
	va_list args;
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	char buffer[128];
	size_t used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s",
	               reason_of(code, buffer, sizeof(buffer)));
	err->code = code;
	err->class = class_of(code);
	return -code;
}

int error_wrap(struct error *err, const char *format, ...)
{
	if (!err)
		return -EIO;
	char inner[ERROR_TEXT_MAX];
	memcpy(inner, err->text, sizeof(inner));
	va_list args;
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	size_t used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return -err->code;
}

void error_clear(struct error *err)
{
	memset(err, 0, sizeof(*err));
}
