// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>
#include <sys/utsname.h>

#include "cgroup.h"
#include "gateway.h"
#include "runner.h"
#include "sensor/sensor.h"

enum { HTTP_OK = 200, HEALTH_TIMEOUT_MS = 5000 };

static void row(const char *name, const char *state, const char *text)
{
	(void)printf("%-30s %-8s %s\n", name, state, text);
}

static bool check_kernel(void)
{
	static const char btf[] = "/sys/kernel/btf/vmlinux";
	struct utsname host = {0};
	(void)uname(&host);
	row("kernel", "ok", host.release);
	bool has_btf = access(btf, R_OK) == 0;
	row("kernel BTF", has_btf ? "ok" : "missing",
	    has_btf ? btf : "build the kernel with CONFIG_DEBUG_INFO_BTF=y");
	bool root = geteuid() == 0;
	row("root", root ? "ok" : "missing",
	    root ? "" : "run as root (needs CAP_BPF, CAP_PERFMON and the cgroup tree)");
	return has_btf && root;
}

static bool check_cgroups(void)
{
	struct error err = {0};
	AUTO(cgroup_tree) struct cgroup_tree *tree = cgroup_tree_read(&err);
	if (!tree) {
		row("cgroup v2", "missing", err.text);
		return false;
	}
	size_t legacy = cgroup_tree_legacy_count(tree);
	char text[PATH_MAX];
	(void)snprintf(text, sizeof(text), "%s%s", cgroup_tree_unified(tree),
	               legacy > 0 ? " (hybrid: v1 controllers beside it)" : "");
	row("cgroup v2", "ok", text);
	return true;
}

/* What the sensor sees here, and what not. */
static void print_hooks(const struct sensor *sensor)
{
	size_t count = 0;
	const struct sensor_hook *hooks = sensor_hooks(sensor, &count);
	size_t missing = 0;
	for (size_t i = 0; i < count; i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "  %s", hooks[i].name);
		missing += !hooks[i].active;
		row(name, hooks[i].active ? "sees" : "BLIND", hooks[i].sees);
		if (!hooks[i].active)
			row("", "", hooks[i].missing);
	}
	if (missing > 0)
		(void)printf("  %zu of %zu hooks are missing: what they would see is not seen on "
		             "this host.\n",
		             missing, count);
	(void)printf("  Never seen: reads through files that are open already, names in encrypted "
	             "traffic\n  (docs/sensor.md).\n");
}

static bool check_sensor(const struct runner_config *config)
{
	struct error err = {0};
	const struct sensor_options options = {.tier = config->sensor_tier};
	AUTO(sensor) struct sensor *sensor = sensor_open(&options, &err);
	if (!sensor) {
		row("sensor", "missing", err.text);
		return false;
	}
	row("sensor", "ok", sensor_tier(sensor));
	print_hooks(sensor);
	return true;
}

static bool check_engine(const struct runner_config *config)
{
	struct error err = {0};
	struct sandbox_facts facts = {0};
	struct sandbox_driver *engine = runner_engine(config);
	bool ok = engine->ops->check(engine, &facts, &err) == 0;
	engine->ops->destroy(engine);
	if (!ok) {
		row("container engine", "missing", err.text);
		return false;
	}
	char text[sizeof(facts.engine) + sizeof(facts.details) + 2];
	(void)snprintf(text, sizeof(text), "%s, %s", facts.engine, facts.details);
	row("container engine", "ok", text);
	return true;
}

static void check_gateway(const struct runner_config *config)
{
	struct error err = {0};
	AUTO(gateway) struct gateway *gateway = gateway_open(config, NULL, &err);
	struct http_answer answer = {0};
	int r = gateway ? gateway_get(gateway, "/v1/health", HEALTH_TIMEOUT_MS, &answer, &err)
	                : -err.code;
	if (r == 0 && answer.status != HTTP_OK)
		r = gateway_refusal("/v1/health", &answer, &err);
	row("gateway", r == 0 ? "ok" : "away", r == 0 ? config->gateway : err.text);
	http_answer_release(&answer);
}

int check_run(const struct runner_config *config)
{
	bool ok = check_kernel();
	ok = check_cgroups() && ok;
	ok = check_sensor(config) && ok;
	ok = check_engine(config) && ok;
	check_gateway(config);
	(void)printf("\n%s\n", ok ? "Scans can run on this host."
	                          : "Scans cannot run on this host; see what is missing above.");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
