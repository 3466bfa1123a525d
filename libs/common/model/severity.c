// SPDX-License-Identifier: Apache-2.0
#include "model/severity.h"

#include <stddef.h>
#include <string.h>

static const char *const severity_names[] = {
        [SEVERITY_INFO] = "info",
        [SEVERITY_WARN] = "warn",
        [SEVERITY_CRIT] = "crit",
};

static const struct {
	const char *word;
	enum severity severity;
} severity_words[] = {
        {"info", SEVERITY_INFO},     {"warn", SEVERITY_WARN},   {"crit", SEVERITY_CRIT},
        {"low", SEVERITY_INFO},      {"medium", SEVERITY_WARN}, {"high", SEVERITY_CRIT},
        {"critical", SEVERITY_CRIT},
};

static const char *const category_names[CATEGORY_COUNT] = {
        [CATEGORY_DESTINATION] = "net_new_destination", [CATEGORY_DNS] = "net_new_dns",
        [CATEGORY_HTTPS_HOST] = "net_new_https_host",   [CATEGORY_PATH_READ] = "fs_new_path_read",
        [CATEGORY_PATH_WRITE] = "fs_new_path_write",    [CATEGORY_EXEC] = "proc_new_exec",
};

const char *severity_name(enum severity severity)
{
	return severity_names[severity];
}

bool severity_parse(const char *text, enum severity *ret)
{
	for (size_t i = 0; i < sizeof(severity_words) / sizeof(severity_words[0]); i++) {
		if (strcmp(text, severity_words[i].word) == 0) {
			*ret = severity_words[i].severity;
			return true;
		}
	}
	return false;
}

const char *category_name(enum category category)
{
	return category_names[category];
}

bool category_parse(const char *text, enum category *ret)
{
	for (size_t i = 0; i < CATEGORY_COUNT; i++) {
		if (strcmp(text, category_names[i]) == 0) {
			*ret = (enum category)i;
			return true;
		}
	}
	return false;
}
