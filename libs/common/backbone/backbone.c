// SPDX-License-Identifier: Apache-2.0
#include "backbone/backbone.h"

#include <errno.h>
#include <stdlib.h>

#include "bus/outbox.h"
#include "db/migrate.h"
#include "db/presence.h"
#include "log/log.h"

struct foundation {
	const struct backbone_program *program;
	struct service_config service_config;
	struct db_config db_config;
	struct bus_config bus_config;
	struct config *config;
	struct backbone backbone;
	struct presence *presence;
	struct outbox_relay *relay;
};

static int load_config(struct foundation *f, int argc, char **argv, enum config_action *ret_action,
                       struct error *err)
{
	const struct config_table tables[] = {
	        {f->program->options, f->program->option_count, f->program->config},
	        {db_options, db_option_count, &f->db_config},
	        {bus_options, bus_option_count, &f->bus_config},
	        {service_options, service_option_count, &f->service_config},
	};
	const struct config_program description = {
	        .name = f->program->name,
	        .section = f->program->section,
	        .summary = f->program->summary,
	        .examples = f->program->examples,
	        .tables = tables,
	        .table_count = CONFIG_COUNT(tables),
	        .check = f->program->check,
	        .check_target = f->program->config,
	};
	f->config = config_load(&description, argc, argv, ret_action, err);
	return f->config ? 0 : -err->code;
}

static int prepare_schema(void *ctx, struct error *err)
{
	const struct foundation *f = ctx;
	return migrate(f->backbone.db, err);
}

static int prepare_topics(void *ctx, struct error *err)
{
	const struct foundation *f = ctx;
	return bus_create_topics(f->backbone.bus, err);
}

static bool is_ready(void *ctx, char *detail)
{
	const struct foundation *f = ctx;
	return service_is_ready(f->backbone.service, detail, PRESENCE_DETAIL_MAX);
}

static int open_database(struct foundation *f, struct error *err)
{
	struct backbone *backbone = &f->backbone;
	const struct presence_options presence = {
	        .service = f->program->name,
	        .version = FANGS_VERSION,
	        .ready = is_ready,
	        .ctx = f,
	};

	backbone->db = db_open(&f->db_config, f->program->name, err);
	if (!backbone->db)
		return -err->code;
	int rc = service_retry(backbone->service, "database", prepare_schema, f, err);
	if (rc < 0)
		return rc;
	service_ready(backbone->service, "database", true);
	f->presence = presence_start(backbone->db, &presence, err);
	return f->presence ? 0 : -err->code;
}

static int open_bus(struct foundation *f, struct error *err)
{
	struct backbone *backbone = &f->backbone;

	backbone->config = f->config;
	backbone->bus_driver = f->bus_config.driver;
	backbone->bus = bus_open(&f->bus_config, backbone->db, f->program->name, err);
	if (!backbone->bus)
		return -err->code;
	int rc = service_retry(backbone->service, "bus", prepare_topics, f, err);
	if (rc < 0)
		return rc;
	service_ready(backbone->service, "bus", true);
	if (!f->program->relays_outbox)
		return 0;
	f->relay = outbox_relay_start(backbone->db, backbone->bus, f->program->name, err);
	return f->relay ? 0 : -err->code;
}

static int open_all(struct foundation *f, struct error *err)
{
	struct service *service = f->backbone.service;

	service_expect(service, "database");
	service_expect(service, "bus");
	int rc = open_database(f, err);
	return rc < 0 ? rc : open_bus(f, err);
}

static void close_all(struct foundation *f)
{
	if (f->relay)
		outbox_relay_stop(f->relay);
	presence_stop(f->presence);
	if (f->backbone.bus)
		bus_close(f->backbone.bus);
	if (f->backbone.db)
		db_close(f->backbone.db);
}

static int run_service(struct foundation *f)
{
	struct error err = {0};

	f->backbone.service = service_start(f->program->name, &f->service_config, &err);
	if (!f->backbone.service) {
		LOG_ERROR("cannot start", LOG_ERR(&err));
		return EXIT_FAILURE;
	}
	int rc = open_all(f, &err);
	if (rc == 0)
		rc = f->program->run(&f->backbone, f->program->config, &err);
	close_all(f);
	/* Being told to stop while waiting for a neighbour is no failure. */
	bool failed = rc < 0 && rc != -ECANCELED;
	return service_finish(f->backbone.service, failed ? &err : NULL);
}

int backbone_main(const struct backbone_program *program, int argc, char **argv)
{
	struct foundation foundation = {.program = program};
	enum config_action action = CONFIG_RUN;
	struct error err = {0};

	if (load_config(&foundation, argc, argv, &action, &err) < 0) {
		LOG_ERROR("bad configuration", LOG_ERR(&err));
		return EXIT_FAILURE;
	}
	int status = action == CONFIG_EXIT ? EXIT_SUCCESS : run_service(&foundation);
	config_destroy(foundation.config);
	return status;
}

struct loop {
	const struct backbone *backbone;
	struct db_listener *listener;
	int64_t tick_ms;
	int (*turn)(void *ctx, struct error *err);
	void *ctx;
	bool in_outage;
};

/* What was notified does not matter: a turn looks at everything that is due. */
static void on_notified(void *ctx, const char *channel, const char *payload)
{
	(void)ctx, (void)channel, (void)payload;
}

static int wait_and_turn(struct loop *loop, struct error *err)
{
	int rc = db_listener_poll(loop->listener, loop->tick_ms, on_notified, NULL, err);
	return rc < 0 ? rc : loop->turn(loop->ctx, err);
}

static void note_result(struct loop *loop, bool failed, const struct error *err)
{
	struct service *service = loop->backbone->service;

	if (failed != loop->in_outage) {
		if (failed)
			LOG_WARN("cannot work, will go on trying", LOG_ERR(err));
		else
			LOG_INFO("working again");
		service_ready(service, "database", !failed);
		loop->in_outage = failed;
	}
	if (failed)
		(void)service_sleep_ms(service, loop->tick_ms);
}

int backbone_loop(const struct backbone *backbone, const char *channel, int64_t tick_ms,
                  int (*turn)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	struct loop loop = {
	        .backbone = backbone,
	        .listener = db_listen(backbone->db, &channel, 1, err),
	        .tick_ms = tick_ms,
	        .turn = turn,
	        .ctx = ctx,
	};
	if (!loop.listener)
		return -err->code;
	while (service_running(backbone->service)) {
		struct error turn_err = {0};
		service_tick(backbone->service);
		service_ready(backbone->service, "bus", bus_reachable(backbone->bus));
		note_result(&loop, wait_and_turn(&loop, &turn_err) < 0, &turn_err);
	}
	db_listener_destroy(loop.listener);
	return 0;
}
