// SPDX-License-Identifier: Apache-2.0
/*
 * Where notifications may be sent: anywhere over https, over plain http only to this machine
 * (127.0.0.1, localhost, [::1]).
 */
#ifndef FANGS_NOTIFIER_TARGET_URL_H
#define FANGS_NOTIFIER_TARGET_URL_H

#include "base/error.h"

/* 0, or -EINVAL with a sentence that does not repeat the URL: webhook URLs are secrets. */
int target_url_check(const char *url, struct error *err);

#endif
