// SPDX-License-Identifier: Apache-2.0
#include "watcher.h"

#define FIELD(name) offsetof(struct watcher_config, name)
#define HOUR_MS (INT64_C(3600) * 1000)
#define WEEK_MS (INT64_C(168) * HOUR_MS)

enum { BODY_MAX_MIN = 64 << 10, BODY_MAX_MAX = 1 << 30 };

const struct config_option watcher_options[] = {
        {.key = "registry",
         .type = CONFIG_STRING,
         .offset = FIELD(registry),
         .fallback = "https://registry.npmjs.org",
         .help = "npm registry to poll."},
        {.key = "registry_token",
         .type = CONFIG_SECRET,
         .offset = FIELD(token),
         .help = "Bearer token for a private registry."},
        {.key = "interval",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(interval_ms),
         .fallback = "5m",
         .min = 100,
         .max = 24 * HOUR_MS,
         .help = "Time between two polls of a package, varied by a tenth.",
         .alias_flag = "watcher-interval"},
        {.key = "parallel",
         .type = CONFIG_INT,
         .offset = FIELD(parallel),
         .fallback = "4",
         .min = 1,
         .max = 64,
         .help = "Packages polled at the same time. Each may need body_max of memory."},
        {.key = "timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(timeout_ms),
         .fallback = "30s",
         .min = 100,
         .max = HOUR_MS,
         .help = "Time for one answer of the registry."},
        {.key = "backoff_max",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(backoff_max_ms),
         .fallback = "6h",
         .min = 100,
         .max = WEEK_MS,
         .help = "Longest time between two polls of a package whose polls keep failing."},
        {.key = "body_max",
         .type = CONFIG_SIZE,
         .offset = FIELD(body_max_bytes),
         .fallback = "64M",
         .min = BODY_MAX_MIN,
         .max = BODY_MAX_MAX,
         .help = "Largest registry document that is read."},
};
const size_t watcher_option_count = CONFIG_COUNT(watcher_options);
