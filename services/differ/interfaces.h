// SPDX-License-Identifier: Apache-2.0
/*
 * Ways into the kernel that are no destination ("raw:1", "io_uring", "unix:/run/x.sock", ...), by
 * the names that the sensor gives them (docs/sensor.md): how bad it is that code of a package goes
 * one, and which lead to a network.
 */
#ifndef FANGS_DIFFER_INTERFACES_H
#define FANGS_DIFFER_INTERFACES_H

#include <stdbool.h>

#include "base/view.h"
#include "marks.h"

/* MARK_NONE for one that programs have honest uses for, and for one that is not known. */
enum mark interface_mark(struct view interface);

/* What is sent there leaves the sandbox. */
bool interface_is_network(struct view interface);

/* The C library asks there for names of users and hosts, in any program. */
bool interface_is_noise(struct view interface);

#endif
