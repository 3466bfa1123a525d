// SPDX-License-Identifier: Apache-2.0
/*
 * Allocation that ends the process when memory is out: every service is restartable at any
 * instruction, so nothing is gained by limping on. Sizes that come from outside are bounded before
 * they get here.
 */
#ifndef FANGS_BASE_ALLOC_H
#define FANGS_BASE_ALLOC_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...)
        __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

#endif
