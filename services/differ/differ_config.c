// SPDX-License-Identifier: Apache-2.0
#include "differ.h"

#define FIELD(name) offsetof(struct differ_config, name)

const struct config_option differ_options[] = {
        {.key = "differ.batch_messages",
         .type = CONFIG_INT,
         .offset = FIELD(batch_messages),
         .fallback = "256",
         .min = 1,
         .max = 4096,
         .help = "Messages in one transaction, at most."},
        {.key = "differ.batch_bytes",
         .type = CONFIG_SIZE,
         .offset = FIELD(batch_bytes),
         .fallback = "4M",
         .min = INT64_C(64) * 1024,
         .max = 256 << 20,
         .help = "Bytes of messages in one transaction, about; a single message may be larger. "
                 "Memory for a batch is some ten times that."},
        {.key = "differ.cached_runs",
         .type = CONFIG_INT,
         .offset = FIELD(cached_runs),
         .fallback = "512",
         .min = 1,
         .max = 1 << 20,
         .help = "Runs whose state is kept in memory; others are read from the database again "
                 "when they go on. 11 to 22 bytes per different value of a run."},
        {.key = "differ.quiet_period",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(quiet_ms),
         .fallback = "2s",
         .min = 100,
         .max = INT64_C(3600) * 1000,
         .help = "A run that was never handed to a runner, but gets events, is judged without a "
                 "result when no more came for so long."},
        {.key = "differ.events_retention",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(retention_ms),
         .fallback = "90d",
         .min = 0,
         .max = INT64_C(3650) * 24 * 3600 * 1000,
         .help = "Events older than that are removed, except those that deviations name as their "
                 "evidence, with their neighbours; 0: never. Everything else stays."},
        {.key = "differ.seed_runs",
         .type = CONFIG_INT,
         .offset = FIELD(seed_runs),
         .fallback = "1",
         .min = 1,
         .max = 100,
         .help = "Clean complete runs that make a package's baseline, before it is trusted. With "
                 "more than one, the version that seeds it is run again until it is. A package may "
                 "have its own."},
        {.key = "differ.control",
         .type = CONFIG_BOOL,
         .offset = FIELD(control),
         .fallback = "true",
         .help = "When the run of a release deviates in nothing critical, run a version of the "
                 "baseline again and tell nobody of what that does today as well. A package may "
                 "have its own."},
        {.key = "differ.control_limit",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(control_limit_ms),
         .fallback = "10m",
         .min = 1000,
         .max = INT64_C(24) * 3600 * 1000,
         .help = "How long a verdict waits for that."},
        {.key = "differ.baseline_max_runs",
         .type = CONFIG_INT,
         .offset = FIELD(baseline_max_runs),
         .fallback = "0",
         .min = 0,
         .max = 1000000,
         .help = "A baseline forgets what so many of its runs, one after the other, did not show; "
                 "0: never."},
        {.key = "differ.baseline_max_age",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(baseline_max_age_ms),
         .fallback = "0s",
         .min = 0,
         .max = INT64_C(3650) * 24 * 3600 * 1000,
         .help = "A baseline forgets what was last seen so long before its newest run; 0: never."},
};
const size_t differ_option_count = CONFIG_COUNT(differ_options);
