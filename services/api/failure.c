// SPDX-License-Identifier: Apache-2.0
#include "failure.h"

#include "base/clock.h"
#include "log/log.h"

enum { LOG_EVERY_MS = 5000 };
#define RETRY_AFTER_S "2"

void failure_log(struct failures *failures, const char *path, const struct error *err)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t next_ms = atomic_load(&failures->next_log_ms);

	if (now_ms < next_ms || !atomic_compare_exchange_strong(&failures->next_log_ms, &next_ms,
	                                                        now_ms + LOG_EVERY_MS)) {
		atomic_fetch_add(&failures->unlogged, 1);
		return;
	}
	LOG_WARN("request failed", LOG_STR("path", path), LOG_ERR(err),
	         LOG_INT("others_since_last", atomic_exchange(&failures->unlogged, 0)));
}

void failure_reply(struct failures *failures, struct http_request *request, const struct error *err)
{
	if (err->class == ERROR_DROP) {
		http_reply_error(request, 400, "%s", err->text);
		return;
	}
	failure_log(failures, http_request_path(request), err);
	if (err->class == ERROR_FATAL) {
		http_reply_error(request, 500, "%s", err->text);
		return;
	}
	http_reply_header(request, "Retry-After", RETRY_AFTER_S);
	http_reply_error(request, 503, "%s", err->text);
}
