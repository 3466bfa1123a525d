// SPDX-License-Identifier: Apache-2.0
/* What the sandbox's first process is called (/proc/PID/status) while it waits to be let go: it has
 * blocked the signal by then, so that none is lost. The container runtime's own process, which it
 * was before, handles SIGUSR1 as well, and does nothing. */
#ifndef FANGS_RUNNER_INIT_GATE_H
#define FANGS_RUNNER_INIT_GATE_H

#define GATE_PROCESS_NAME "fangs-gate"

#endif
