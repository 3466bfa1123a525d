// SPDX-License-Identifier: Apache-2.0
/*
 * What a job needs of a container engine, as a small driver interface. Docker is the first driver
 * (sandbox_docker/); the flow of a job knows nothing of it.
 *
 * A driver is shared by all jobs and safe to use from any thread. A sandbox belongs to one job's
 * thread. Order of calls for one sandbox:
 *
 *	open -> prepare (image is there) -> create -> start -> let_go -> wait ... -> remove -> close
 *
 * Between create and start the caller has the sensor look at the parent cgroup; nothing of the
 * image has run before start, and nothing of the job before let_go: in between the sandbox's mounts
 * are there and can be looked at. The main process of a sandbox is the driver's own init: it runs
 *the job's command and, when the command has ended, stays alive until everything that the command
 * left behind has ended too, or the grace period is over. Without it the kernel would kill
 * background processes with the command, before they could be watched.
 */
#ifndef FANGS_RUNNER_SANDBOX_H
#define FANGS_RUNNER_SANDBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup.h"
#include "model/job.h"
#include "model/run_id.h"

/* What the seed's table calls the defaults; a job's zero values mean these. */
enum {
	SANDBOX_MEMORY_BYTES = 536870912,
	SANDBOX_NANO_CPUS = 1000000000,
	SANDBOX_PIDS = 256,
};

struct sandbox_facts {
	char engine[64];  /* "Docker 20.10.24" */
	char details[96]; /* for people: storage driver and the like */
	enum cgroup_naming cgroup_naming;
};

struct sandbox_request {
	const struct run_id *run_id;
	const struct sandbox_spec *spec; /* checked by sandbox_spec_check() */
	const char *runner_id;
	const char *npm_registry; /* "" for npm's own default */
	int64_t workdir_bytes;    /* size of the executable tmpfs */
	/* Set to true by any thread: prepare and wait end with ECANCELED. */
	const atomic_bool *interrupt;
};

/* What the sandbox is made of; borrowed from the sandbox. Unknown values are "". */
struct sandbox_image {
	const char *digest, *node_version, *npm_version;
};

struct sandbox_end {
	int exit_code;
	bool out_of_memory; /* the kernel killed a process at the memory limit */
	char message[160];  /* the engine's own complaint, "" without */
};

struct sandbox;

struct sandbox_driver {
	const struct sandbox_driver_ops *ops;
};

struct sandbox_driver_ops {
	const char *name;
	void (*destroy)(struct sandbox_driver *driver);

	/* Asks the engine what it is; called once at start, before any sandbox. */
	int (*check)(struct sandbox_driver *driver, struct sandbox_facts *ret, struct error *err);
	/* Cheap: does the engine answer? */
	int (*ping)(struct sandbox_driver *driver, struct error *err);
	/* Removes sandboxes of `runner_id`; returns how many, or a negative errno. */
	int (*sweep)(struct sandbox_driver *driver, const char *runner_id, struct error *err);

	/* The request and what it points at must outlive the sandbox. */
	struct sandbox *(*open)(struct sandbox_driver *driver,
	                        const struct sandbox_request *request, struct error *err);
	int (*prepare)(struct sandbox *sandbox, struct error *err);
	int (*create)(struct sandbox *sandbox, const char *cgroup_parent, struct error *err);
	int (*start)(struct sandbox *sandbox, struct error *err);
	/* The main process after start, in this process's pid namespace; 0 when it is not in it. */
	int (*main_process)(struct sandbox *sandbox, pid_t *ret, struct error *err);
	/* Starts the job's command. */
	int (*let_go)(struct sandbox *sandbox, struct error *err);
	/* 1: it has ended, `*ret` is filled; 0: still running after the timeout. */
	int (*wait)(struct sandbox *sandbox, int64_t timeout_ms, struct sandbox_end *ret,
	            struct error *err);
	/* Complete after create. */
	void (*image)(const struct sandbox *sandbox, struct sandbox_image *ret);
	/* The path that init has inside; its exec is not the package's. */
	const char *(*init_path)(const struct sandbox *sandbox);
	/* Stops what runs and removes all of it. */
	int (*remove)(struct sandbox *sandbox, struct error *err);
	/* Accepts NULL; does not remove. */
	void (*close)(struct sandbox *sandbox);
};

/* DROP with a sentence when a job asks for what no sandbox may have or what cannot be. */
int sandbox_spec_check(const struct sandbox_spec *spec, struct error *err);

#endif
