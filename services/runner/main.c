// SPDX-License-Identifier: Apache-2.0
/* fangs-runner: takes jobs, runs them in sandboxes under the sensor, reports what they did. */
#include <errno.h>

#include "check.h"
#include "log/log.h"
#include "runner.h"

static int serve(const struct runner_config *config, const struct bus_config *bus,
                 const struct service_config *service_config)
{
	struct error err = {0};
	struct service *service = service_start("fangs-runner", service_config, &err);
	if (!service) {
		LOG_ERROR("cannot start", LOG_ERR(&err));
		return EXIT_FAILURE;
	}
	const struct runner_options options = {
	        .service = service,
	        .config = config,
	        .bus = bus,
	        .drain_timeout_ms = service_config->drain_timeout_ms,
	};
	struct runner *runner = runner_create(&options, &err);
	if (!runner && err.code == ECANCELED)
		error_clear(&err);
	if (runner && runner_run(runner, &err) == 0)
		runner_destroy(runner);
	return service_finish(service, &err);
}

int main(int argc, char **argv)
{
	struct runner_config config = {0};
	struct bus_config bus = {0};
	struct service_config service = {0};
	const struct config_table tables[] = {
	        {runner_options, runner_option_count, &config},
	        {bus_options, bus_option_count, &bus},
	        {service_options, service_option_count, &service},
	};
	const struct config_program program = {
	        .name = "fangs-runner",
	        .section = "runner",
	        .summary = "Runs packages in sandboxes under an eBPF sensor.",
	        .examples = "  fangs-runner --gateway http://127.0.0.1:8443 --slots 4\n"
	                    "  fangs-runner --check\n",
	        .tables = tables,
	        .table_count = sizeof(tables) / sizeof(tables[0]),
	};
	struct error err = {0};
	enum config_action action = CONFIG_RUN;
	struct config *loaded = config_load(&program, argc, argv, &action, &err);
	int code = EXIT_SUCCESS;
	if (!loaded || (action == CONFIG_RUN && runner_config_finish(&config, &bus, &err) < 0)) {
		LOG_ERROR("cannot start", LOG_ERR(&err));
		code = EXIT_FAILURE;
	} else if (action == CONFIG_RUN) {
		code = config.check ? check_run(&config) : serve(&config, &bus, &service);
		runner_config_release(&config);
	}
	config_destroy(loaded);
	return code;
}
