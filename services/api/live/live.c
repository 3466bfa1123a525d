// SPDX-License-Identifier: Apache-2.0
#include "live/live.h"

#include "api.h"
#include "base/view.h"
#include "log/log.h"
#include "resources/params.h"

enum {
	INTERVAL_MS = 400,
	KEEP_ALIVE_MS = 15000,
	LIFE_MS = 15 * 60 * 1000,
	UNSENT_MAX_BYTES = 4 * BATCH_FRAME_MAX_BYTES,
};

static int read_from_database(void *ctx, const struct question *question, struct batch *ret,
                              struct error *err)
{
	return changes_read(((struct live *)ctx)->db, question, ret, err);
}

static int prune_database(void *ctx, struct error *err)
{
	return changes_prune(((struct live *)ctx)->db, err);
}

static void count_sent(void *ctx, enum topic topic, size_t count)
{
	metric_add(((struct live *)ctx)->events[topic], (double)count);
}

static void count_cut(void *ctx)
{
	metric_add(((struct live *)ctx)->slow, 1);
}

static void note_reading(void *ctx, const struct error *err)
{
	if (err)
		failure_log(((struct live *)ctx)->failures, "/v1/live", err);
	else
		LOG_INFO("live views are told of changes again");
}

static double sample_streams(void *ctx)
{
	return (double)hub_count(((struct live *)ctx)->hub);
}

static void create_metrics(struct live *live)
{
	struct metric_family *events = metric_family(METRIC_COUNTER, "fangs_live_events_total",
	                                             "Events sent to live views by kind", "event");

	for (unsigned topic = 0; topic < TOPIC_COUNT; topic++)
		live->events[topic] = metric_series(events, topic_event(topic));
	live->slow = metric_plain(METRIC_COUNTER, "fangs_live_slow_readers_total",
	                          "Live views cut off because they read too slowly");
	metric_sampled(METRIC_GAUGE, "fangs_live_streams", "Live views that are connected",
	               sample_streams, live);
}

int live_start(struct live *live, struct db *db, struct failures *failures, int64_t streams_max,
               struct error *err)
{
	const struct hub_options options = {
	        .ctx = live,
	        .read = read_from_database,
	        .prune = prune_database,
	        .send = http_stream_send,
	        .close = http_stream_close,
	        .sent = count_sent,
	        .cut = count_cut,
	        .note = note_reading,
	        .listeners_max = (size_t)streams_max,
	        .interval_ms = INTERVAL_MS,
	        .keep_alive_ms = KEEP_ALIVE_MS,
	        .life_ms = LIFE_MS,
	};

	*live = (struct live){.db = db, .failures = failures};
	live->hub = hub_start(&options, err);
	if (!live->hub)
		return -err->code;
	create_metrics(live);
	return 0;
}

void live_stop(struct live *live)
{
	hub_stop(live->hub);
}

void live_release(struct live *live)
{
	hub_free(live->hub);
}

/* Each of these is false when it has answered. */
static bool read_position(struct http_request *request, const char *after, struct position **ret)
{
	const char *cursor = http_request_header(request, "Last-Event-ID");

	if (!cursor || !*cursor)
		cursor = after;
	*ret = NULL;
	if (!cursor || !*cursor)
		return true;
	*ret = position_parse(view_of_string(cursor));
	if (!*ret)
		http_reply_error(request, 400, "the cursor is not one of this stream's ids");
	return *ret != NULL;
}

static bool read_topics(struct http_request *request, const char *text, unsigned *ret)
{
	struct view unknown;

	if (topics_parse(text, ret, &unknown))
		return true;
	http_reply_error(request, 400, "unknown topic '%.*s': there are runs, deviations, runners",
	                 VIEW_ARG(unknown));
	return false;
}

static bool read_request(struct http_request *request, struct interest *ret,
                         struct position **ret_position)
{
	static const struct param params[] = {{"topics", PARAM_TEXT, NULL},
	                                      {"package", PARAM_TEXT, NULL},
	                                      {"after", PARAM_TEXT, NULL}};
	const char *values[sizeof(params) / sizeof(params[0])];

	if (!params_read(request, params, sizeof(params) / sizeof(params[0]), values) ||
	    !read_topics(request, values[0], &ret->topics))
		return false;
	ret->package = values[1];
	return read_position(request, values[2], ret_position);
}

void live_handle(void *api, struct http_request *request)
{
	struct live *live = &((struct api *)api)->live;
	struct interest interest;
	struct position *position;

	if (!read_request(request, &interest, &position))
		return;
	struct listener *listener = hub_reserve(live->hub, &interest, position);
	if (!listener) {
		http_reply_header(request, "Retry-After", "5");
		http_reply_error(request, 503, "too many live views; read the lists instead");
		return;
	}
	const struct http_stream_options stream = {
	        .content_type = "text/event-stream",
	        .unsent_max_bytes = UNSENT_MAX_BYTES,
	        .on_gone = hub_on_gone,
	        .ctx = listener,
	};
	http_reply_header(request, "Cache-Control", "no-store");
	http_reply_header(request, "X-Accel-Buffering", "no"); /* proxies are to pass on at once */
	hub_join(listener, http_reply_stream(request, &stream));
}
