// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* The kernel side of the sensor: one object, one concern a header. */
#include "calls_exit.bpf.h"
#include "changes.bpf.h"
#include "files.bpf.h"
#include "interfaces.bpf.h"
#include "io_uring.bpf.h"
#include "packets.bpf.h"
#include "processes.bpf.h"
#include "sockets.bpf.h"

/* The kernel asks for this exact word before it lends the helpers that read memory. */
char sensor_license[] SEC("license") = "GPL";
