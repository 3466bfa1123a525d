// SPDX-License-Identifier: Apache-2.0
/* Ids may be shortened to a prefix that names one, as in git. */
#ifndef FANGS_API_LOOKUP_H
#define FANGS_API_LOOKUP_H

#include "api.h"

enum lookup_kind { LOOKUP_RUN, LOOKUP_DEVIATION, LOOKUP_ALLOW_ENTRY };

/* The full id of the thing that the path's `id` begins (or is). NULL when it was answered: 404 for
 * none, 409 with the candidates for several, 503. In the request's arena. */
const char *lookup_id(struct api *api, struct http_request *request, enum lookup_kind wanted);

#endif
