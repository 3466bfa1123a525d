// SPDX-License-Identifier: Apache-2.0
/* The named parts that a service needs before it is ready. Any thread may call these. */
#ifndef FANGS_SERVICE_READINESS_H
#define FANGS_SERVICE_READINESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { READINESS_PARTS_MAX = 16 };

struct readiness {
	pthread_mutex_t lock;
	struct readiness_part {
		const char *name; /* borrowed: a literal */
		bool ready;
	} parts[READINESS_PARTS_MAX];
	size_t count;
};

void readiness_init(struct readiness *readiness);
void readiness_release(struct readiness *readiness);

/* Declares a part, not ready; nothing when it is known already. */
void readiness_expect(struct readiness *readiness, const char *part);

/* Declares the part if need be. Returns whether its state changed. */
bool readiness_set(struct readiness *readiness, const char *part, bool ready);

/* Fills `missing` with the names of the parts that are not ready; returns how many. */
size_t readiness_missing(struct readiness *readiness, const char *missing[READINESS_PARTS_MAX]);

#endif
