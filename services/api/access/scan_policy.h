// SPDX-License-Identifier: Apache-2.0
/*
 * What a scan on demand may ask of a runner. The scans of watched packages are the pipeline's own
 * and not asked for by anybody.
 */
#ifndef FANGS_API_SCAN_POLICY_H
#define FANGS_API_SCAN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "model/job.h"

struct scan_policy {
	struct config_list images; /* patterns; empty: any */
	struct config_list network_modes, pull_policies;
	/* 0: no limit. */
	int64_t memory_max_bytes, cpus_max, pids_max, duration_max_ms;
};

/* Refuses a policy that says what no policy can. */
int scan_policy_validate(const struct scan_policy *policy, struct error *err);

/* -EPERM (DROP) with the field, its value and what is allowed. What a job leaves open is checked as
 * what runners put in its place. */
int scan_policy_check(const struct scan_policy *policy, const struct job *job, struct error *err);

#endif
