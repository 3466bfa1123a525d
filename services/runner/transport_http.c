// SPDX-License-Identifier: Apache-2.0
#include "transport_http.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "gateway.h"
#include "job_intake.h"
#include "model/event_codec.h"
#include "model/event_wire.h"

enum {
	/* Servers answer after 25 s when there is no job. */
	POLL_TIMEOUT_MS = 35000,
	/* A "no job" that came sooner was no long poll. */
	POLL_SHORT_MS = 1000,
	BODY_MAX_BYTES = 32 << 20,
	RESULT_MAX_BYTES = 16384, /* servers cut it there */
	PATH_MAX_BYTES = 128,
	HTTP_OK = 200,
	HTTP_NO_CONTENT = 204,
	HTTP_MULTIPLE_CHOICES = 300,
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_CONFLICT = 409,
	HTTP_GONE = 410,
	HTTP_TOO_LARGE = 413,
	HTTP_UNPROCESSABLE = 422,
};

struct transport_http {
	struct transport base;
	struct transport_http_options options;
	struct gateway *poll; /* the intake thread's */
	char *jobs_path;
};

struct transport_channel {
	const struct attempt *attempt;
	struct gateway *gateway;
	struct buf body;
	struct event *events; /* room for a batch */
	char events_path[PATH_MAX_BYTES], result_path[PATH_MAX_BYTES];
};

static struct transport_http *of(struct transport *transport)
{
	return (struct transport_http *)transport;
}

/* Jobs. -------------------------------------------------------------------------------------- */

static int no_job(struct transport_http *transport, int64_t polled_at_ms)
{
	if (clock_monotonic_ms() - polled_at_ms < POLL_SHORT_MS)
		(void)service_sleep_ms(transport->options.service,
		                       control_poll_interval_ms(transport->options.control));
	return 0;
}

static int read_poll(struct transport_http *transport, const struct http_answer *answer,
                     int64_t polled_at_ms, struct arena *arena, struct job *ret, struct error *err)
{
	if (answer->status == HTTP_OK) {
		int r = job_intake_read(buf_view(&answer->body), arena, ret, err);
		return r < 0 ? r : 1;
	}
	if (answer->status == HTTP_NO_CONTENT)
		return no_job(transport, polled_at_ms);
	if (answer->status == HTTP_NOT_FOUND)
		control_register_again(transport->options.control);
	return gateway_refusal(transport->jobs_path, answer, err);
}

static int http_next_job(struct transport *base, struct arena *arena, struct job *ret,
                         struct error *err)
{
	struct transport_http *transport = of(base);
	int64_t polled_at_ms = clock_monotonic_ms();
	struct http_answer answer = {0};
	int r = gateway_get(transport->poll, transport->jobs_path, POLL_TIMEOUT_MS, &answer, err);
	if (r == 0)
		r = read_poll(transport, &answer, polled_at_ms, arena, ret, err);
	else if (!service_running(transport->options.service))
		r = 0; /* the stop ended the poll */
	http_answer_release(&answer);
	return r;
}

/* Events and result. ------------------------------------------------------------------------- */

static void http_close(struct transport_channel *channel)
{
	if (!channel)
		return;
	gateway_close(channel->gateway);
	buf_release(&channel->body);
	free(channel->events);
	free(channel);
}

static struct transport_channel *http_open(struct transport *base, struct attempt *attempt,
                                           struct error *err)
{
	struct gateway *gateway = gateway_open(of(base)->options.config, &attempt->lost, err);
	if (!gateway)
		return NULL;
	struct transport_channel *channel = xcalloc(1, sizeof(*channel));
	char id[RUN_ID_TEXT_SIZE];
	run_id_format(&attempt->job.run_id, id);
	channel->attempt = attempt;
	channel->gateway = gateway;
	channel->events = xcalloc(SPOOL_BATCH_EVENTS, sizeof(*channel->events));
	buf_init(&channel->body, BODY_MAX_BYTES);
	(void)snprintf(channel->events_path, PATH_MAX_BYTES, "/v1/runs/%s/events", id);
	(void)snprintf(channel->result_path, PATH_MAX_BYTES, "/v1/runs/%s/result", id);
	return channel;
}

/* What a status other than 2xx means for what was sent. */
static int refused(const char *path, const struct http_answer *answer, struct error *err)
{
	int r = gateway_refusal(path, answer, err);
	switch (answer->status) {
	case HTTP_NOT_FOUND:
	case HTTP_CONFLICT:
	case HTTP_GONE:
		err->code = ESTALE;
		return -ESTALE;
	case HTTP_BAD_REQUEST:
	case HTTP_TOO_LARGE:
	case HTTP_UNPROCESSABLE:
		err->class = ERROR_DROP;
		return r;
	default:
		return r;
	}
}

static int post(struct transport_channel *channel, const char *path, struct error *err)
{
	struct http_answer answer = {0};
	int r = gateway_post(channel->gateway, path, buf_view(&channel->body), &answer, err);
	if (r == 0 && (answer.status < HTTP_OK || answer.status >= HTTP_MULTIPLE_CHOICES))
		r = refused(path, &answer, err);
	http_answer_release(&answer);
	return r;
}

/* The spool holds batches in the compact form; the verbose one is ten times as large and made when
 * it is needed. */
static int decode_batch(struct transport_channel *channel, const struct spool_batch *batch,
                        size_t *ret_count, struct error *err)
{
	struct events_header header;
	struct events_reader reader;
	int r = events_read_header(buf_view(&batch->message), &header, &reader, err);
	size_t count = 0;
	while (r >= 0 && count < SPOOL_BATCH_EVENTS) {
		r = events_next(&reader, &channel->events[count], err);
		if (r <= 0)
			break;
		count++;
	}
	*ret_count = count;
	return r < 0 ? r : 0;
}

static int http_send_batch(struct transport_channel *channel, const struct spool_batch *batch,
                           struct error *err)
{
	size_t count = 0;
	int r = decode_batch(channel, batch, &count, err);
	if (r < 0)
		return r;
	buf_reset(&channel->body);
	event_wire_write_batch(&channel->body, &channel->attempt->job.run_id, batch->seq,
	                       channel->events, count);
	if (channel->body.overflowed)
		return error_set(err, E2BIG, "a batch of events is too large for a request");
	return post(channel, channel->events_path, err);
}

static int http_send_result(struct transport_channel *channel, const struct run_result *result,
                            struct error *err)
{
	buf_reset(&channel->body);
	run_result_write_json(&channel->body, &channel->attempt->job.run_id, result);
	if (channel->body.size > RESULT_MAX_BYTES)
		return error_set(err, E2BIG, "the result is too large for a request");
	return post(channel, channel->result_path, err);
}

/* Life. -------------------------------------------------------------------------------------- */

static void http_destroy(struct transport *base)
{
	struct transport_http *transport = of(base);
	gateway_close(transport->poll);
	free(transport->jobs_path);
	free(transport);
}

static const struct transport_ops http_ops = {
        .name = "http",
        .destroy = http_destroy,
        .next_job = http_next_job,
        .open = http_open,
        .send_batch = http_send_batch,
        .send_result = http_send_result,
        .close = http_close,
};

static char *jobs_path(const char *runner_id)
{
	enum { MAX_BYTES = 2048 };
	AUTO(buf) struct buf path;
	buf_init(&path, MAX_BYTES);
	buf_append_string(&path, "/v1/runners/");
	gateway_append_segment(&path, runner_id);
	buf_append_string(&path, "/jobs");
	return buf_detach(&path);
}

struct transport *transport_http_create(const struct transport_http_options *options,
                                        struct error *err)
{
	struct gateway *poll =
	        gateway_open(options->config, service_stopping(options->service), err);
	if (!poll)
		return NULL;
	struct transport_http *transport = xcalloc(1, sizeof(*transport));
	transport->base.ops = &http_ops;
	transport->options = *options;
	transport->poll = poll;
	transport->jobs_path = jobs_path(options->config->runner_id);
	return &transport->base;
}
