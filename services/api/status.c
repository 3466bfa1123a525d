// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include "api.h"
#include "queries.h"
#include "resources/params.h"
#include "resources/rows_json.h"
#include "resources/sql.h"

enum { DOCUMENT_MAX_BYTES = 4 << 20, DETAIL_MAX_BYTES = 256 };

// clang-format off
static const struct db_statement server = {"api_server",
	"SELECT true AS ok, current_setting('server_version') AS version"};
static const struct db_statement services = {"api_services",
	"SELECT regexp_replace(service, '^fangs-', '') AS service, instance, version, ready, detail, "
	UTC("started_at") " AS started_at, " UTC("last_seen_at") " AS last_seen_at,"
	" last_seen_at > now() - interval '30 seconds' AS alive FROM service_instances"
	" WHERE last_seen_at > now() - interval '1 hour' ORDER BY 1, 2"};
// clang-format on

/* What the database says; each NULL while it is away. */
struct answers {
	PGresult *server, *services, *runners;
	struct view counts;
};

static void ask(struct api *api, struct arena *arena, struct answers *ret, struct error *err)
{
	AUTO(db_conn) struct db_conn *conn = db_acquire(api->db, err);

	*ret = (struct answers){0};
	if (!conn)
		return;
	ret->server = db_query(conn, &server, NULL, 0, err);
	if (ret->server)
		ret->services = db_query(conn, &services, NULL, 0, err);
	if (ret->services)
		ret->runners = db_query(conn, &runners_for_status, NULL, 0, err);
	if (ret->runners)
		ret->counts = totals_counts(&api->totals, conn, arena, err);
}

static void release(struct answers *answers)
{
	PQclear(answers->server);
	PQclear(answers->services);
	PQclear(answers->runners);
}

static void write_rows(struct json_writer *w, const char *key, const PGresult *result)
{
	json_member(w, key);
	if (result) {
		rows_write_array(w, result, 0, PQntuples(result), PQnfields(result));
		return;
	}
	json_array(w);
	json_end_array(w);
}

static void write_database(struct json_writer *w, const PGresult *found, const struct error *err)
{
	json_member(w, "database");
	json_object(w);
	if (found) {
		rows_write_members(w, found, 0, PQnfields(found));
	} else {
		json_member_bool(w, "ok", false);
		json_member_string(w, "error", err->text);
	}
	json_end_object(w);
}

/* As the asker reached it. */
static const char *own_url(const struct api *api, struct http_request *request)
{
	const char *host = http_request_header(request, "Host");

	return arena_printf(http_request_arena(request), "%s://%s",
	                    *api->config->tls_cert ? "https" : "http",
	                    host ? host : api->config->listen);
}

void status_handle_status(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	struct answers answers;
	struct error err = {0};
	AUTO(buf) struct buf body;

	buf_init(&body, DOCUMENT_MAX_BYTES);
	if (!params_none(request))
		return;
	ask(api, http_request_arena(request), &answers, &err);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "gateway_url", own_url(api, request));
	json_member_string(&w, "version", FANGS_VERSION);
	json_member_string(&w, "bus", api->bus_driver);
	write_database(&w, answers.server, &err);
	write_rows(&w, "services", answers.services);
	write_rows(&w, "runners", answers.runners);
	json_member_raw(&w, "counts", answers.counts.size ? answers.counts : VIEW_LITERAL("{}"));
	json_end_object(&w);
	release(&answers);
	http_reply_json(request, 200, buf_view(&body));
}

static void reply_probe(struct http_request *request, bool good, const char *good_word,
                        const char *detail)
{
	AUTO(buf) struct buf body;

	buf_init(&body, DOCUMENT_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "status", good ? good_word : detail);
	json_end_object(&w);
	http_reply_json(request, good ? 200 : 503, buf_view(&body));
}

/* Being asked at all is the sign: the epoll thread answers. */
void status_handle_livez(void *ctx, struct http_request *request)
{
	(void)ctx;
	reply_probe(request, true, "ok", "");
}

void status_handle_readyz(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	char detail[DETAIL_MAX_BYTES] = "";
	bool ready = service_is_ready(api->service, detail, sizeof(detail));

	reply_probe(request, ready, "ready", detail);
}

void status_handle_metrics(void *ctx, struct http_request *request)
{
	struct api *api = ctx;
	AUTO(buf) struct buf body;

	buf_init(&body, DOCUMENT_MAX_BYTES);
	totals_refresh(&api->totals, api->db);
	metrics_render(&body);
	if (body.overflowed)
		http_reply_error(request, 500, "the metrics are larger than %zu bytes", body.max);
	else
		http_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8",
		           buf_view(&body));
}
