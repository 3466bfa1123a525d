// SPDX-License-Identifier: Apache-2.0
/* On whose behalf a process acts once it has executed a program; the rules are in
 * process_tree.h. */
#ifndef FANGS_SENSOR_PROCESS_ACTOR_H
#define FANGS_SENSOR_PROCESS_ACTOR_H

#include "process_tree.h"

struct process_role {
	enum actor actor;
	bool is_npm;
	bool counts_npm; /* an npm of the sandbox's own command, not one that npm itself started */
};

struct process_role process_role_after_exec(const struct process_tree *tree,
                                            const struct process *process,
                                            const struct process_exec *exec);

#endif
