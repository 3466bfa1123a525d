// SPDX-License-Identifier: Apache-2.0
/*
 * Cleanup attributes: a declaration that says `AUTO(free)` releases its resource at the end of its
 * scope. Modules define more with DEFINE_AUTO(type, function) beside their own destructors.
 */
#ifndef FANGS_BASE_CLEANUP_H
#define FANGS_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

#define AUTO(name) __attribute__((cleanup(auto_##name)))

/* For pointer types whose destructor takes the pointer and accepts NULL. */
#define DEFINE_AUTO(name, type, destroy)                                                           \
	static inline void auto_##name(__typeof__(type) *p)                                        \
	{                                                                                          \
		if (*p)                                                                            \
			destroy(*p);                                                               \
	}

static inline void auto_free(void *p)
{
	free(*(void **)p);
}

static inline void auto_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void auto_fclose(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static inline void auto_buf(struct buf *buf)
{
	buf_release(buf);
}

#endif
