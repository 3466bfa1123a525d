// SPDX-License-Identifier: Apache-2.0
#include "ui.h"

#include <string.h>

#include "base/view.h"

/* What the dashboard shows was written by attackers: nothing but our own files may run. */
#define POLICY                                                                                     \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"           \
	" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const char *ui_content_type(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
	        {".html", "text/html; charset=utf-8"},
	        {".js", "text/javascript; charset=utf-8"},
	        {".css", "text/css; charset=utf-8"},
	        {".svg", "image/svg+xml"},
	        {".png", "image/png"},
	        {".ico", "image/x-icon"},
	        {".json", "application/json"},
	        {".woff2", "font/woff2"},
	};
	struct view v = view_of_string(path);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (view_ends_with(v, view_of_string(types[i].ending)))
			return types[i].type;
	}
	return "application/octet-stream";
}

static void reply_not_found(struct http_request *request)
{
	http_reply_header(request, "X-Content-Type-Options", "nosniff");
	http_reply(request, 404, "text/plain; charset=utf-8", VIEW_LITERAL("404 page not found\n"));
}

void ui_handle_file(void *ctx, struct http_request *request)
{
	const char *path = http_request_param(request, "path");

	(void)ctx;
	if (!*path)
		path = "index.html";
	for (size_t i = 0; i < ui_file_count; i++) {
		if (strcmp(ui_files[i].path, path) != 0)
			continue;
		http_reply_header(request, "Content-Security-Policy", POLICY);
		http_reply_header(request, "X-Content-Type-Options", "nosniff");
		http_reply_header(request, "Referrer-Policy", "no-referrer");
		http_reply_header(request, "Cache-Control", "no-cache");
		http_reply(request, 200, ui_content_type(path),
		           view_of(ui_files[i].data, ui_files[i].size));
		return;
	}
	reply_not_found(request);
}

void ui_handle_root(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply_header(request, "Location", "/ui/");
	http_reply_empty(request, 302);
}

void ui_handle_no_slash(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply_header(request, "Location", "/ui/");
	http_reply_empty(request, 307);
}

void ui_handle_unknown(void *ctx, struct http_request *request)
{
	(void)ctx;
	reply_not_found(request);
}
