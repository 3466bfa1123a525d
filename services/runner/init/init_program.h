// SPDX-License-Identifier: Apache-2.0
/* The static program of sandbox_init.c, carried inside the runner. */
#ifndef FANGS_RUNNER_INIT_PROGRAM_H
#define FANGS_RUNNER_INIT_PROGRAM_H

#include "base/view.h"

struct view init_program(void);

#endif
