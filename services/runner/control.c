// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "control_wire.h"
#include "gateway.h"
#include "log/log.h"

enum {
	HTTP_OK = 200,
	HTTP_BAD_REQUEST = 400,
	BODY_MAX_BYTES = 16384,
	RETRY_MAX_MS = 5000,
	RETRY_BASE_MS = 200
};

struct control {
	struct control_options options;
	char boot_id[BOOT_ID_TEXT_SIZE];
	char *heartbeat_path;
	/* Owned by the starting thread until control_start() has registered, then by the heartbeat
	 * thread. */
	struct gateway *gateway;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t changed;
	struct registration_ack ack;
	struct heartbeat_ids finished, handed_back; /* not told yet */
	bool must_register, poked, stopping;
};

static char *runner_path(const char *runner_id, const char *tail)
{
	enum { PATH_MAX_BYTES = 2048 };
	AUTO(buf) struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	buf_append_string(&path, "/v1/runners/");
	gateway_append_segment(&path, runner_id);
	buf_append_string(&path, tail);
	return buf_detach(&path);
}

struct control *control_create(const struct control_options *options, struct error *err)
{
	/* A request in flight at the stop still ends: the thread goes on while jobs drain. */
	struct gateway *gateway = gateway_open(options->config, NULL, err);
	if (!gateway)
		return NULL;
	struct control *control = xcalloc(1, sizeof(*control));
	control->options = *options;
	control->gateway = gateway;
	control->ack.jobs_partition = -1;
	control->heartbeat_path = runner_path(options->config->runner_id, "/heartbeat");
	random_hex(control->boot_id, sizeof(control->boot_id) / 2);
	pthread_condattr_t monotonic;
	pthread_mutex_init(&control->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&control->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return control;
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	control_stop(control);
	gateway_close(control->gateway);
	pthread_cond_destroy(&control->changed);
	pthread_mutex_destroy(&control->lock);
	free(control->heartbeat_path);
	free(control);
}

/* Register. ---------------------------------------------------------------------------------- */

static int post_registration(struct control *control, struct registration_ack *ack,
                             struct error *err)
{
	static const char path[] = "/v1/runners/register";
	const struct registration registration = {
	        .runner_id = control->options.config->runner_id,
	        .transport = control->options.config->transport,
	        .boot_id = control->boot_id,
	        .sensor_tier = control->options.sensor_tier,
	        .slots = slots_count(control->options.slots),
	};
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	registration_write(&body, &registration);
	struct http_answer answer = {0};
	int r = gateway_post(control->gateway, path, buf_view(&body), &answer, err);
	if (r == 0 && answer.status != HTTP_OK) {
		r = gateway_refusal(path, &answer, err);
		if (err && answer.status == HTTP_BAD_REQUEST)
			err->class = ERROR_FATAL;
	} else if (r == 0) {
		r = registration_ack_read(buf_view(&answer.body), ack, err);
	}
	http_answer_release(&answer);
	return r;
}

static int do_register(void *ctx, struct error *err)
{
	struct control *control = ctx;
	struct registration_ack ack = {0};
	int r = post_registration(control, &ack, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&control->lock);
	control->ack = ack;
	control->must_register = false;
	pthread_mutex_unlock(&control->lock);
	service_ready(control->options.service, "registered", true);
	LOG_INFO("registered", LOG_STR("gateway", control->options.config->gateway),
	         LOG_STR("runner_id", control->options.config->runner_id),
	         LOG_STR("transport", control->options.config->transport),
	         LOG_INT("jobs_partition", ack.jobs_partition));
	return 0;
}

/* Heartbeat. --------------------------------------------------------------------------------- */

static bool contains(const struct heartbeat_ids *ids, const struct run_id *id)
{
	for (size_t i = 0; i < ids->count; i++) {
		if (run_id_equal(&ids->items[i], id))
			return true;
	}
	return false;
}

/* Removes from `ids` what is in `others`. */
static void subtract(struct heartbeat_ids *ids, const struct heartbeat_ids *others)
{
	size_t kept = 0;
	for (size_t i = 0; i < ids->count; i++) {
		if (!contains(others, &ids->items[i]))
			ids->items[kept++] = ids->items[i];
	}
	ids->count = kept;
}

static void fill_heartbeat(struct control *control, struct heartbeat *heartbeat)
{
	struct slots *slots = control->options.slots;
	*heartbeat = (struct heartbeat){
	        .runner_id = control->options.config->runner_id,
	        .boot_id = control->boot_id,
	        .draining = !service_running(control->options.service),
	        .slots = slots_count(slots),
	};
	/* In this order a job that ends in between is in two lists, never in none; and its end
	 * counts. */
	heartbeat->active.count = slots_active(slots, heartbeat->active.items, HEARTBEAT_IDS_MAX);
	pthread_mutex_lock(&control->lock);
	heartbeat->finished = control->finished;
	heartbeat->handed_back = control->handed_back;
	pthread_mutex_unlock(&control->lock);
	subtract(&heartbeat->active, &heartbeat->finished);
	subtract(&heartbeat->active, &heartbeat->handed_back);
}

static void forget_ended(struct control *control, const struct heartbeat *told)
{
	pthread_mutex_lock(&control->lock);
	subtract(&control->finished, &told->finished);
	subtract(&control->handed_back, &told->handed_back);
	pthread_mutex_unlock(&control->lock);
}

/* A run whose result became durable while the heartbeat was on its way is cancelled to no effect.
 */
static bool has_finished(struct control *control, const struct run_id *id)
{
	pthread_mutex_lock(&control->lock);
	bool finished = contains(&control->finished, id);
	pthread_mutex_unlock(&control->lock);
	return finished;
}

static void obey(struct control *control, const struct heartbeat_answer *answer)
{
	for (size_t i = 0; i < answer->cancel.count; i++) {
		const struct run_id *id = &answer->cancel.items[i];
		char text[RUN_ID_TEXT_SIZE];
		if (has_finished(control, id) || !slots_cancel(control->options.slots, id))
			continue;
		run_id_format(id, text);
		LOG_WARN("the gateway gave this run to another runner; dropping it",
		         LOG_STR("run_id", text));
	}
}

static int do_heartbeat(struct control *control, struct error *err)
{
	struct heartbeat heartbeat;
	fill_heartbeat(control, &heartbeat);
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	heartbeat_write(&body, &heartbeat);
	struct http_answer answer = {0};
	struct heartbeat_answer told = {0};
	int r = gateway_post(control->gateway, control->heartbeat_path, buf_view(&body), &answer,
	                     err);
	if (r == 0 && answer.status != HTTP_OK)
		r = gateway_refusal(control->heartbeat_path, &answer, err);
	else if (r == 0)
		r = heartbeat_answer_read(buf_view(&answer.body), &told, err);
	http_answer_release(&answer);
	if (r < 0)
		return r;
	if (told.unknown_runner) {
		control_register_again(control);
	} else {
		forget_ended(control, &heartbeat);
		obey(control, &told);
	}
	return 0;
}

/* The thread. -------------------------------------------------------------------------------- */

/* Waits until `at_ms` or until something is to be done; false when it is time to end. */
static bool wait_for_work(struct control *control, int64_t at_ms)
{
	struct timespec at = {.tv_sec = at_ms / MS_PER_S, .tv_nsec = at_ms % MS_PER_S * NS_PER_MS};
	pthread_mutex_lock(&control->lock);
	while (!control->stopping && !control->poked && clock_monotonic_ms() < at_ms)
		(void)pthread_cond_timedwait(&control->changed, &control->lock, &at);
	control->poked = false;
	bool go_on = !control->stopping;
	pthread_mutex_unlock(&control->lock);
	return go_on;
}

static bool must_register(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	bool must = control->must_register;
	pthread_mutex_unlock(&control->lock);
	return must;
}

static bool has_news(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	bool news = control->finished.count > 0 || control->handed_back.count > 0;
	pthread_mutex_unlock(&control->lock);
	return news;
}

static int64_t heartbeat_interval_ms(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	int64_t interval_ms = control->ack.heartbeat_interval_ms;
	pthread_mutex_unlock(&control->lock);
	return interval_ms;
}

/* One exchange with the gateway, and the time of the next. */
static int64_t beat(struct control *control, unsigned *failures)
{
	struct error err = {0};
	int r = must_register(control) ? do_register(control, &err) : do_heartbeat(control, &err);
	if (r == 0) {
		if (*failures > 0)
			LOG_INFO("the gateway answers again");
		*failures = 0;
		return clock_monotonic_ms() + heartbeat_interval_ms(control);
	}
	(*failures)++;
	if (*failures == 1)
		LOG_WARN("heartbeat failed; trying on", LOG_ERR(&err));
	return clock_monotonic_ms() + backoff_ms(*failures, RETRY_BASE_MS, RETRY_MAX_MS);
}

static void *control_thread(void *argument)
{
	struct control *control = argument;
	unsigned failures = 0;
	int64_t next_ms = clock_monotonic_ms() + heartbeat_interval_ms(control);
	while (wait_for_work(control, next_ms))
		next_ms = beat(control, &failures);
	/* The last jobs' ends, which would otherwise only show by their leases running out. */
	if (has_news(control))
		(void)beat(control, &failures);
	return NULL;
}

int control_start(struct control *control, struct error *err)
{
	service_expect(control->options.service, "registered");
	int r = service_retry(control->options.service, "the gateway", do_register, control, err);
	if (r < 0)
		return r;
	r = pthread_create(&control->thread, NULL, control_thread, control);
	if (r != 0)
		return error_set_errno(err, r, "cannot start the heartbeat thread");
	control->started = true;
	return 0;
}

void control_stop(struct control *control)
{
	if (!control->started)
		return;
	pthread_mutex_lock(&control->lock);
	control->stopping = true;
	pthread_cond_signal(&control->changed);
	pthread_mutex_unlock(&control->lock);
	pthread_join(control->thread, NULL);
	control->started = false;
}

/* Told by others. ---------------------------------------------------------------------------- */

void control_poke(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control->poked = true;
	pthread_cond_signal(&control->changed);
	pthread_mutex_unlock(&control->lock);
}

void control_register_again(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	bool news = !control->must_register;
	control->must_register = true;
	control->poked = true;
	pthread_cond_signal(&control->changed);
	pthread_mutex_unlock(&control->lock);
	if (!news)
		return;
	service_ready(control->options.service, "registered", false);
	LOG_WARN("the gateway does not know this runner; registering again");
}

/* Locked. */
static void tell_soon(struct control *control, struct heartbeat_ids *news,
                      const struct run_id *run_id)
{
	/* More than fit means that no heartbeat got through for long; the oldest have been found
	 * out by their leases by then. */
	if (news->count == HEARTBEAT_IDS_MAX) {
		news->count--;
		memmove(news->items, news->items + 1, news->count * sizeof(news->items[0]));
	}
	news->items[news->count++] = *run_id;
	control->poked = true;
	pthread_cond_signal(&control->changed);
}

void control_note_finished(struct control *control, const struct run_id *run_id)
{
	pthread_mutex_lock(&control->lock);
	tell_soon(control, &control->finished, run_id);
	pthread_mutex_unlock(&control->lock);
}

bool control_hand_back(struct control *control, const struct run_id *run_id)
{
	pthread_mutex_lock(&control->lock);
	bool taken = control->ack.ours;
	if (taken)
		tell_soon(control, &control->handed_back, run_id);
	pthread_mutex_unlock(&control->lock);
	return taken;
}

int32_t control_jobs_partition(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	int32_t partition = control->ack.jobs_partition;
	pthread_mutex_unlock(&control->lock);
	return partition;
}

int64_t control_poll_interval_ms(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	int64_t interval_ms = control->ack.poll_interval_ms;
	pthread_mutex_unlock(&control->lock);
	return interval_ms;
}
