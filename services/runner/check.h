// SPDX-License-Identifier: Apache-2.0
/* `fangs-runner --check`: what this host offers, as a table for people. */
#ifndef FANGS_RUNNER_CHECK_H
#define FANGS_RUNNER_CHECK_H

#include "runner_config.h"

/* Prints to stdout; returns the exit code: 0 when scans can run here. A gateway that is not there
 * is shown and is no obstacle: the runner waits for it. */
int check_run(const struct runner_config *config);

#endif
