// SPDX-License-Identifier: Apache-2.0
/* The dashboard: the files of ui/, embedded when the program was built. */
#ifndef FANGS_API_UI_H
#define FANGS_API_UI_H

#include <stddef.h>

#include "http/http_server.h"

struct ui_file {
	const char *path; /* below /ui/ */
	const char *data;
	size_t size;
};
extern const struct ui_file ui_files[]; /* generated */
extern const size_t ui_file_count;
extern const struct ui_file openapi_files[]; /* generated: the one of openapi.h */

void ui_handle_file(void *ctx, struct http_request *request);
void ui_handle_root(void *ctx, struct http_request *request);     /* to the dashboard */
void ui_handle_no_slash(void *ctx, struct http_request *request); /* the same, from "/ui" */
void ui_handle_unknown(void *ctx, struct http_request *request);  /* any other path */

/* By the file's ending; "application/octet-stream" for others. */
const char *ui_content_type(const char *path);

#endif
