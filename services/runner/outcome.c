// SPDX-License-Identifier: Apache-2.0
#include "outcome.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_NOT_RUNNABLE = 126, EXIT_NOT_FOUND = 127, MIB = 1 << 20 };

bool job_expects_npm(const struct job *job)
{
	static const char *const words[] = {"npm install ", "npm i ", "npm ci"};
	if (!job->has_sandbox || job->package_name[0] == '\0')
		return false;
	for (size_t i = 0; i < job->sandbox.command_count; i++) {
		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
			if (strstr(job->sandbox.command[i], words[j]))
				return true;
		}
	}
	return false;
}

static const char *exit_code_hint(int exit_code)
{
	switch (exit_code) {
	case EXIT_NOT_FOUND:
		return " (the command was not found in the image)";
	case EXIT_NOT_RUNNABLE:
		return " (the command cannot be executed)";
	default:
		return "";
	}
}

static enum run_status failed_exit(const struct job_facts *facts, char *reason)
{
	const char *message = facts->end.message;
	(void)snprintf(reason, OUTCOME_REASON_MAX, "container exit_code=%d%s%s%s",
	               facts->end.exit_code, exit_code_hint(facts->end.exit_code),
	               message[0] != '\0' ? ": " : "", message);
	return RUN_STATUS_FAILED;
}

static enum run_status failed_npm(const struct job_facts *facts, char *reason)
{
	if (!facts->npm_started)
		(void)snprintf(reason, OUTCOME_REASON_MAX, "npm install failed: npm did not start");
	else
		(void)snprintf(reason, OUTCOME_REASON_MAX, "npm install failed: exit code %d",
		               (int)facts->npm_exit_code);
	return RUN_STATUS_FAILED;
}

enum run_status job_outcome(const struct job_facts *facts, char reason[OUTCOME_REASON_MAX])
{
	reason[0] = '\0';
	if (facts->stopped) {
		(void)snprintf(reason, OUTCOME_REASON_MAX, REASON_RUNNER_STOPPED);
		return RUN_STATUS_FAILED;
	}
	if (facts->failure.code != 0) {
		(void)snprintf(reason, OUTCOME_REASON_MAX, "%s", facts->failure.text);
		return RUN_STATUS_FAILED;
	}
	if (facts->timed_out) {
		(void)snprintf(reason, OUTCOME_REASON_MAX,
		               "job duration exceeded before container exit");
		return RUN_STATUS_TIMEOUT;
	}
	if (facts->has_end && facts->end.out_of_memory) {
		(void)snprintf(reason, OUTCOME_REASON_MAX,
		               "out of memory: the sandbox hit its limit of %lld MiB",
		               (long long)(facts->memory_bytes / MIB));
		return RUN_STATUS_FAILED;
	}
	if (facts->expects_npm && (!facts->npm_started || (facts->npm_exit_code != 0 &&
	                                                   facts->npm_exit_code != INT32_MIN)))
		return failed_npm(facts, reason);
	if (facts->has_end && facts->end.exit_code != 0)
		return failed_exit(facts, reason);
	return RUN_STATUS_OK;
}
