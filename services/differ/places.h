// SPDX-License-Identifier: Apache-2.0
/*
 * What a path is by where it is: below which package's folder, in a place of npm's own, a
 * credential, something that is started later. All of it is plain text matching; whose doing it is
 * decides the caller.
 *
 * Paths are the sensor's: absolute, without dot segments. Others match nothing.
 */
#ifndef FANGS_DIFFER_PLACES_H
#define FANGS_DIFFER_PLACES_H

#include <stdbool.h>

#include "base/view.h"

/* "<root>/node_modules/<outer>/...": `name` is the package whose folder is the innermost one. A
 * folder into which npm unpacks before it renames it (".lodash-aB3dE6gH") is its package's. */
struct package_path {
	struct view root;   /* what the first node_modules is in; may be "" */
	struct view scope;  /* of the innermost package: "@scope/" or "" */
	struct view name;   /* "lodash" */
	struct view folder; /* of that package, from the start of the path */
	struct view rest;   /* behind the folder: "" or "/..." */
	struct view outer;  /* name of the outermost package, as it is written */
	struct view inside; /* behind the outermost package's folder */
};
bool place_of_package(struct view path, struct package_path *ret);

/* npm's cache, logs and temporary files, node's compile cache, files that npm keeps beside the
 * packages, and devices that hold nothing. */
bool place_is_npms(struct view path);

/* A place where people and programs keep secrets: ~/.npmrc, ~/.ssh/, /proc/<pid>/environ, ... */
bool place_is_credential(struct view path);

/* Lists of accounts are tagged as credentials, but every second program reads them to know a name:
 * they prove no theft. */
bool place_is_account_list(struct view path);

/* A UNIX socket of something that does as it is told, or has keys: a container engine, an agent for
 * keys, the system's bus. */
bool place_is_control_socket(struct view path);

/* What starts a file at that path later on ("a shell's start", "cron", ...), or NULL. */
const char *place_starts(struct view path);

/* In somebody's home, and neither in a folder for caches nor on the way to one. */
bool place_is_home(struct view path);
/* /etc, /usr, /bin, /lib, ... */
bool place_is_system(struct view path);

#endif
