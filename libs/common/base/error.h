// SPDX-License-Identifier: Apache-2.0
/*
 * The one error idiom of the project.
 *
 * A function that can fail takes `struct error *err` last and returns 0 or a negative errno
 * (pointer-returning functions return NULL). On success `*err` is untouched. On failure `*err`
 * holds one sentence that says what failed, on what and why, and the class which tells the caller
 * what to do about it: try again, drop this input, or give up. Whoever handles an error logs it,
 * once; functions that pass it on only add context with error_wrap().
 *
 * The message lives inside the struct, so an error needs no release and may be copied.
 */
#ifndef FANGS_BASE_ERROR_H
#define FANGS_BASE_ERROR_H

#include <stdarg.h>

enum error_class {
	ERROR_RETRY, /* the neighbour is not there or is busy: the same call may succeed later */
	ERROR_DROP,  /* the input is bad: the same input will never succeed */
	ERROR_FATAL, /* nothing that this process can do: stop with a message */
};

enum { ERROR_TEXT_MAX = 512 };

struct error {
	int code; /* positive errno value; 0 while no error was set */
	enum error_class class;
	char text[ERROR_TEXT_MAX];
};

/* Sets `*err` and returns -code, so that a failing function can `return error_set(...)`.
 * The class follows from the code: EINVAL, EPROTO, EBADMSG, ENOENT, E2BIG, EILSEQ are DROP;
 * ENOMEM, EPERM, ENOSYS, EOVERFLOW are FATAL; everything else is RETRY. `err` may be NULL. */
int error_set(struct error *err, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* As error_set(), with the class given. */
int error_set_class(struct error *err, enum error_class class, int code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* Appends ": <strerror(code)>" to the sentence; for failed system calls. */
int error_set_errno(struct error *err, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Puts "<context>: " before the sentence that is already there; code and class stay.
 * Returns -err->code. */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the error; the struct is as `= {0}` afterwards. */
void error_clear(struct error *err);

#endif
