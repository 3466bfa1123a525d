// SPDX-License-Identifier: Apache-2.0
#include "notifier.h"

#define FIELD(name) offsetof(struct notifier_config, name)
#define MINUTE_MS (INT64_C(60) * 1000)
#define HOUR_MS (60 * MINUTE_MS)

const struct config_option notifier_options[] = {
        {.key = "file",
         .type = CONFIG_STRING,
         .offset = FIELD(file),
         .help = "JSON file with notifiers to add or change at start.",
         .alias_flag = "notifiers-file"},
        {.key = "attempts",
         .type = CONFIG_INT,
         .offset = FIELD(attempts),
         .fallback = "5",
         .min = 1,
         .max = 100,
         .help = "How often a notification is sent before it is given up."},
        {.key = "backoff",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(backoff_ms),
         .fallback = "1s",
         .min = 1,
         .max = HOUR_MS,
         .help = "Wait after the first failed attempt, varied by a quarter; doubles with each "
                 "further one."},
        {.key = "backoff_max",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(backoff_max_ms),
         .fallback = "1h",
         .min = 1,
         .max = 24 * HOUR_MS,
         .help = "Longest wait between two attempts."},
        {.key = "timeout",
         .type = CONFIG_DURATION_MS,
         .offset = FIELD(timeout_ms),
         .fallback = "10s",
         .min = 10,
         .max = MINUTE_MS,
         .help = "Time for one attempt."},
        {.key = "parallel",
         .type = CONFIG_INT,
         .offset = FIELD(parallel),
         .fallback = "4",
         .min = 1,
         .max = 64,
         .help = "Notifications sent at the same time."},
};
const size_t notifier_option_count = CONFIG_COUNT(notifier_options);
