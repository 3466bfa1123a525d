// SPDX-License-Identifier: Apache-2.0
#include "service/readiness.h"

#include <stdlib.h>
#include <string.h>

void readiness_init(struct readiness *readiness)
{
	*readiness = (struct readiness){0};
	(void)pthread_mutex_init(&readiness->lock, NULL);
}

void readiness_release(struct readiness *readiness)
{
	(void)pthread_mutex_destroy(&readiness->lock);
}

/* Under the lock; adds the part when it is new. */
static struct readiness_part *part_of(struct readiness *readiness, const char *name)
{
	for (size_t i = 0; i < readiness->count; i++)
		if (strcmp(readiness->parts[i].name, name) == 0)
			return &readiness->parts[i];
	if (readiness->count == READINESS_PARTS_MAX)
		abort(); /* parts are literals of the program: a bug */
	struct readiness_part *part = &readiness->parts[readiness->count++];
	*part = (struct readiness_part){.name = name};
	return part;
}

void readiness_expect(struct readiness *readiness, const char *part)
{
	(void)pthread_mutex_lock(&readiness->lock);
	(void)part_of(readiness, part);
	(void)pthread_mutex_unlock(&readiness->lock);
}

bool readiness_set(struct readiness *readiness, const char *name, bool ready)
{
	(void)pthread_mutex_lock(&readiness->lock);
	struct readiness_part *part = part_of(readiness, name);
	bool changed = part->ready != ready;
	part->ready = ready;
	(void)pthread_mutex_unlock(&readiness->lock);
	return changed;
}

size_t readiness_missing(struct readiness *readiness, const char *missing[READINESS_PARTS_MAX])
{
	size_t count = 0;
	(void)pthread_mutex_lock(&readiness->lock);
	for (size_t i = 0; i < readiness->count; i++)
		if (!readiness->parts[i].ready)
			missing[count++] = readiness->parts[i].name;
	(void)pthread_mutex_unlock(&readiness->lock);
	return count;
}
