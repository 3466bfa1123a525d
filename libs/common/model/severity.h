// SPDX-License-Identifier: Apache-2.0
/*
 * One vocabulary of severities (info, warn, crit) and the six categories. The words low, medium,
 * high, critical are understood on input: low is info, medium warn, high and critical crit.
 */
#ifndef FANGS_MODEL_SEVERITY_H
#define FANGS_MODEL_SEVERITY_H

#include <stdbool.h>

enum severity { SEVERITY_INFO, SEVERITY_WARN, SEVERITY_CRIT };
const char *severity_name(enum severity severity);
bool severity_parse(const char *text, enum severity *ret);

enum category {
	CATEGORY_DESTINATION, /* net_new_destination */
	CATEGORY_DNS,         /* net_new_dns */
	CATEGORY_HTTPS_HOST,  /* net_new_https_host */
	CATEGORY_PATH_READ,   /* fs_new_path_read */
	CATEGORY_PATH_WRITE,  /* fs_new_path_write */
	CATEGORY_EXEC,        /* proc_new_exec */
	CATEGORY_COUNT,
};
const char *category_name(enum category category);
bool category_parse(const char *text, enum category *ret);

#endif
