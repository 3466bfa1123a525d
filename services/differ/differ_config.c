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
                 "when they go on. 16 to 32 bytes per different value of a run."},
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
};
const size_t differ_option_count = CONFIG_COUNT(differ_options);
