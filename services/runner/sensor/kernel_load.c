// SPDX-License-Identifier: Apache-2.0
/* Loading: all that this kernel takes, and a reason that helps when it takes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "kernel_internal.h"

enum { LOG_MAX = 256 << 10 /* of the verifier; only its last line of substance is shown */ };

static const char btf_path[] = "/sys/kernel/btf/vmlinux";

struct bpf_map *kernel_ring_map(const struct kernel_side *kernel, enum kernel_ring ring)
{
	struct bpf_map *const maps[KERNEL_RINGS] = {
	        [KERNEL_RING_FILE] = kernel->skeleton->maps.file_ring,
	        [KERNEL_RING_PACKET] = kernel->skeleton->maps.packet_ring,
	        [KERNEL_RING_PRIORITY] = kernel->skeleton->maps.priority_ring,
	};

	return maps[ring];
}

static int not_permitted(struct error *err)
{
	return error_set_class(err, ERROR_FATAL, EPERM,
	                       "not permitted to load the sensor: run the runner as root or with "
	                       "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_RESOURCE");
}

/* Why loading failed: the last line of the verifier's log that says something. */
static struct view refusal(int code, const char *log)
{
	struct view rest = view_of_string(log), reason = view_of_string(strerror(code));

	if (code == ESRCH)
		return VIEW_LITERAL("an attach point does not exist");

	while (rest.size) {
		struct view line = view_trim(view_split(&rest, '\n'));

		if (line.size && !view_starts_with(line, VIEW_LITERAL("processed ")))
			reason = line;
	}
	return reason;
}

static void skeleton_drop(struct kernel_side *kernel)
{
	sensor_bpf__destroy(kernel->skeleton);
	kernel->skeleton = NULL;
}

/* One attempt to load the programs that are active. */
static int try_load(struct kernel_side *kernel, struct error *err)
{
	AUTO(free) char *log = xcalloc(1, LOG_MAX);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = log, .kernel_log_size = LOG_MAX);
	int r = 0;

	kernel->skeleton = sensor_bpf__open_opts(&opts);
	if (!kernel->skeleton)
		return error_set_class(err, ERROR_FATAL, errno,
		                       "cannot open the sensor's object: %s", strerror(errno));
	for (size_t i = 0; i < KERNEL_HOOKS; i++) {
		if (kernel_hook_rows[i].optional)
			(void)bpf_program__set_autoload(kernel_program(kernel, i),
			                                kernel->hooks[i].active);
		kernel_hook_set_type(kernel, i);
	}
	kernel_hooks_adapt(kernel);
	for (enum kernel_ring i = 0; i < KERNEL_RINGS && r == 0; i++)
		r = bpf_map__set_max_entries(kernel_ring_map(kernel, i),
		                             (uint32_t)kernel->ring_sizes[i]);
	if (r == 0)
		r = sensor_bpf__load(kernel->skeleton);
	if (r == 0)
		return 0;
	skeleton_drop(kernel);
	if (r == -EPERM)
		return not_permitted(err);
	return error_set_class(
	        err, ERROR_FATAL, -r,
	        "this kernel refuses the sensor (%.*s): Linux 5.17 or newer is needed",
	        VIEW_ARG(refusal(-r, log)));
}

/* What is refused alone, each with the rest of its group. */
static const char *const groups[] = {"inet_sock", "io_uring", "ctime", "fentry/", "_unix"};

static void hooks_of_group(struct kernel_side *kernel, const struct sensor_hook *all,
                           const char *group)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (strstr(kernel_hook_rows[i].name, group))
			kernel->hooks[i] = all[i];
}

/* Loads what this kernel takes: all, else as many groups of optional programs as it can be given
 * one after the other, each of the others with the reason of its refusal. */
static int load_best(struct kernel_side *kernel, struct error *err)
{
	struct sensor_hook all[KERNEL_HOOKS];

	if (try_load(kernel, err) == 0)
		return 0;
	memcpy(all, kernel->hooks, sizeof(all));
	kernel_drop_hooks(kernel, "/", err->text);
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		hooks_of_group(kernel, all, groups[i]);
		if (try_load(kernel, err) == 0)
			skeleton_drop(kernel);
		else
			kernel_drop_hooks(kernel, groups[i], err->text);
	}
	return try_load(kernel, err);
}

int kernel_load(struct kernel_side *kernel, const char *tier, struct error *err)
{
	if (access(btf_path, R_OK) < 0)
		return error_set_class(err, ERROR_FATAL, ENOENT,
		                       "kernel has no BTF (%s): boot a kernel that was built with "
		                       "CONFIG_DEBUG_INFO_BTF=y",
		                       btf_path);
	if (tier && strcmp(tier, SENSOR_TIER_BASIC) == 0)
		kernel_drop_hooks(kernel, "/", "not part of the tier '" SENSOR_TIER_BASIC "'");
	return load_best(kernel, err);
}
