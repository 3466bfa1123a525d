// SPDX-License-Identifier: Apache-2.0
/* The process_* families under the names that Prometheus' own clients use, read from /proc. */
#ifndef FANGS_METRICS_METRICS_PROCESS_H
#define FANGS_METRICS_METRICS_PROCESS_H

#include "base/buf.h"

void metrics_render_process(struct buf *out);

#endif
