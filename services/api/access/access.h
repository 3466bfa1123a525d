// SPDX-License-Identifier: Apache-2.0
/*
 * What a route asks of its asker: the `access` of its row in routes.c.
 */
#ifndef FANGS_API_ACCESS_H
#define FANGS_API_ACCESS_H

enum access {
	ACCESS_ANYBODY,  /* health, probes, the dashboard's files */
	ACCESS_RUNNER,   /* the runner protocol */
	ACCESS_VIEWER,   /* reads */
	ACCESS_OPERATOR, /* changes */
};

#endif
