// SPDX-License-Identifier: Apache-2.0
/* fangs-notifier: tells Slack, Discord and other webhooks of runs with deviations. */
#include <pthread.h>

#include "backbone/backbone.h"
#include "bus/consume.h"
#include "notifier.h"
#include "sender.h"
#include "targets_file.h"
#include "verdicts.h"

static const char consumer_group[] = "fangs-notifier";

enum { TICK_MS = 500 }; /* retries fall due without a notification */

struct notifier {
	const struct backbone *backbone;
	const struct notifier_config *config;
	struct sender *sender;
	pthread_t consumer;
	struct error consumer_err; /* read after the thread was joined */
};

/* Thread of its own: verdicts come in while the main thread wakes the sender. */
static void *consume_verdicts(void *arg)
{
	struct notifier *notifier = arg;
	const struct backbone *backbone = notifier->backbone;
	const struct consume_options options = {
	        .service = backbone->service,
	        .db = backbone->db,
	        .bus = backbone->bus,
	        .topic = BUS_DEVIATIONS,
	        .group = consumer_group,
	        .handle = verdicts_handle,
	};
	if (consume(&options, &notifier->consumer_err) < 0)
		service_request_stop(backbone->service);
	return NULL;
}

static int wake(void *ctx, struct error *err)
{
	struct notifier *notifier = ctx;

	(void)err;
	sender_wake(notifier->sender);
	return 0;
}

static int apply_file(void *ctx, struct error *err)
{
	const struct notifier *notifier = ctx;
	return targets_file_apply(notifier->backbone->db, notifier->config->file, err);
}

static int work(struct notifier *notifier, struct error *err)
{
	struct service *service = notifier->backbone->service;

	int rc = pthread_create(&notifier->consumer, NULL, consume_verdicts, notifier);
	if (rc != 0)
		return error_set_errno(err, rc, "cannot start the consumer's thread");
	rc = backbone_loop(notifier->backbone, "fangs_deliveries", TICK_MS, wake, notifier, err);
	service_request_stop(service);
	(void)pthread_join(notifier->consumer, NULL);
	if (rc == 0 && notifier->consumer_err.code) {
		*err = notifier->consumer_err;
		rc = -err->code;
	}
	return rc;
}

static int run(const struct backbone *backbone, void *config, struct error *err)
{
	struct notifier notifier = {.backbone = backbone, .config = config};
	int rc = 0;

	if (*notifier.config->file)
		rc = service_retry(backbone->service, "database", apply_file, &notifier, err);
	if (rc < 0)
		return rc;
	notifier.sender = sender_start(config, backbone->service, backbone->db, err);
	if (!notifier.sender)
		return -err->code;
	rc = work(&notifier, err);
	service_request_stop(backbone->service);
	sender_stop(notifier.sender);
	return rc;
}

int main(int argc, char **argv)
{
	struct notifier_config config = {0};
	const struct backbone_program program = {
	        .name = "fangs-notifier",
	        .section = "notifier",
	        .summary = "Tells Slack, Discord and other webhooks of runs with deviations.",
	        .examples = "  fangs-notifier --db-url postgresql://fangs@db/fangs"
	                    " --file /etc/fangs/notifiers.json\n",
	        .options = notifier_options,
	        .option_count = notifier_option_count,
	        .config = &config,
	        .run = run,
	};
	return backbone_main(&program, argc, argv);
}
