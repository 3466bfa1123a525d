// SPDX-License-Identifier: Apache-2.0
/*
 * Signatures of webhook bodies: the existing system's (the body alone), and the Standard Webhooks'
 * one, which covers id and time too and so cannot be replayed.
 */
#ifndef FANGS_NOTIFIER_SIGNATURE_H
#define FANGS_NOTIFIER_SIGNATURE_H

#include <stdint.h>

#include "base/view.h"

enum { SIGNATURE_TEXT_MAX = 96 };

/* "sha256=" and the HMAC-SHA256 of the body in lower-case hex. */
void signature_of_body(struct view secret, struct view body, char text[SIGNATURE_TEXT_MAX]);

/* "v1," and the HMAC-SHA256 of "<id>.<timestamp>.<body>" in base64. A secret that begins with
 * "whsec_" is base64 behind it, any other is the key itself. */
void signature_standard(struct view secret, const char *id, int64_t timestamp_s, struct view body,
                        char text[SIGNATURE_TEXT_MAX]);

#endif
