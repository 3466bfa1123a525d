// SPDX-License-Identifier: Apache-2.0
/*
 * The private PostgreSQL cluster of the embedded default: made once by initdb in the data folder,
 * run as a supervised child on a loopback port with a generated password.
 *
 * In <data_dir>: postgres/ (the cluster; owned by the user that runs it), postgres.password,
 * postgres.port, postgres.log. PostgreSQL refuses to run as root; then the user `postgres`, which
 * Debian's package creates, runs it.
 */
#ifndef FANGS_CLI_UP_CLUSTER_H
#define FANGS_CLI_UP_CLUSTER_H

#include <stdint.h>

#include "base/error.h"
#include "up/supervisor.h"

struct cluster;

struct cluster_options {
	const char *data_dir; /* exists */
	const char *bin_dir;  /* of initdb and postgres; "" : found */
	int64_t port;         /* 0: the last one used, or any free one */
};

/* Makes the cluster if there is none. FATAL with what to install when the binaries are missing. */
struct cluster *cluster_prepare(const struct cluster_options *options, struct error *err);
void cluster_destroy(struct cluster *cluster);

/* Adds the server to the supervisor. */
void cluster_supervise(struct cluster *cluster, struct supervisor *supervisor);

/* One attempt: 0 when the server answers and the database exists; RETRY while it starts. */
int cluster_ready(struct cluster *cluster, struct error *err);

/* "postgresql://fangs:<password>@127.0.0.1:<port>/fangs"; borrowed from the cluster. */
const char *cluster_url(const struct cluster *cluster);

#endif
