// SPDX-License-Identifier: Apache-2.0
/* Small files of the data folder: read whole, replaced atomically. */
#ifndef FANGS_CLI_UP_FILES_H
#define FANGS_CLI_UP_FILES_H

#include <sys/types.h>

#include "base/error.h"

/* At most 64 KiB, NUL-terminated; the caller frees it. NULL when it cannot be read. */
char *file_read_small(const char *path, struct error *err);

/* Written beside, synced and renamed: a reader sees the old text or the new one. */
int file_write_atomically(const char *path, const char *text, mode_t mode, struct error *err);

/* Creates the folder and its parents. */
int directory_create(const char *path, mode_t mode, struct error *err);

/* Removes a folder with everything in it; absent is fine. */
int directory_remove(const char *path, struct error *err);

#endif
