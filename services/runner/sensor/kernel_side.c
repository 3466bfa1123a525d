// SPDX-License-Identifier: Apache-2.0
#include "kernel_side.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "kernel_internal.h"

enum { RING_SIZE_MAX = 1 << 30 };

struct kernel_attachment {
	struct bpf_link *links[KERNEL_HOOKS];
};

static int attach_hook(struct kernel_side *kernel, size_t hook, struct error *err)
{
	kernel->links[hook] = bpf_program__attach(kernel_program(kernel, hook));
	if (kernel->links[hook])
		return 0;
	return error_set_class(err, ERROR_FATAL, errno, "cannot attach to %s: %s",
	                       kernel_hook_rows[hook].name, strerror(errno));
}

static void detach_hook(struct kernel_side *kernel, size_t hook)
{
	(void)bpf_link__destroy(kernel->links[hook]);
	kernel->links[hook] = NULL;
}

int kernel_side_wake(struct kernel_side *kernel, struct error *err)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (kernel_hook_is_costly(i) && !kernel->links[i] &&
		    attach_hook(kernel, i, err) < 0)
			return -err->code;
	return 0;
}

void kernel_side_sleep(struct kernel_side *kernel)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (kernel_hook_is_costly(i))
			detach_hook(kernel, i);
}

/* Detaches what is of no use alone. */
static void give_up(struct kernel_side *kernel, const char *group, const char *reason)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (strstr(kernel_hook_rows[i].name, group))
			detach_hook(kernel, i);
	kernel_drop_hooks(kernel, group, reason);
}

static int attach_tasks(struct kernel_side *kernel, struct error *err)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++) {
		if (kernel_hook_rows[i].on_cgroup || !kernel->hooks[i].active)
			continue;
		if (attach_hook(kernel, i, err) == 0)
			continue;
		if (!kernel_hook_rows[i].optional)
			return -err->code;
		give_up(kernel, kernel_hook_group(i), strerror(err->code));
	}
	kernel->skeleton->bss->changes_traced = kernel_sees_changes(kernel);
	kernel_side_sleep(kernel); /* now it is known that it can be woken */
	return 0;
}

/* Given sizes, or the object's own. */
static int choose_ring_sizes(struct kernel_side *kernel, const struct sensor_options *options,
                             struct error *err)
{
	static const size_t defaults[KERNEL_RINGS] = {4 << 20, 1 << 20, 1 << 20};
	const size_t given[KERNEL_RINGS] = {options->file_ring_bytes, options->packet_ring_bytes,
	                                    options->priority_ring_bytes};

	for (size_t i = 0; i < KERNEL_RINGS; i++) {
		size_t size = given[i] ? given[i] : defaults[i];

		if (size < (size_t)sysconf(_SC_PAGESIZE) || size > RING_SIZE_MAX ||
		    (size & (size - 1)) != 0)
			return error_set_class(err, ERROR_FATAL, EINVAL,
			                       "sensor ring of %zu bytes: the size must be a power "
			                       "of two from one page to 1 GiB",
			                       size);
		kernel->ring_sizes[i] = size;
	}
	return 0;
}

struct kernel_side *kernel_side_open(const struct sensor_options *options, struct error *err)
{
	AUTO(kernel_side) struct kernel_side *kernel = xcalloc(1, sizeof(*kernel));
	struct kernel_side *opened;

	if (choose_ring_sizes(kernel, options, err) < 0)
		return NULL;
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		kernel->hooks[i] = (struct sensor_hook){.name = kernel_hook_rows[i].name,
		                                        .sees = kernel_hook_rows[i].sees,
		                                        .active = true};
	libbpf_set_print(NULL); /* its reasons reach us by return value and log buffer */
	kernel->cpus = libbpf_num_possible_cpus();
	if (kernel->cpus <= 0) {
		error_set_class(err, ERROR_FATAL, EIO, "cannot count the CPUs of this host");
		return NULL;
	}
	kernel->hook_count = KERNEL_HOOKS;
	kernel_find_hooks(kernel);
	if (kernel_load(kernel, options->tier, err) < 0 || attach_tasks(kernel, err) < 0)
		return NULL;
	opened = kernel;
	kernel = NULL;
	return opened;
}

void kernel_side_close(struct kernel_side *kernel)
{
	if (!kernel)
		return;
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		detach_hook(kernel, i);
	sensor_bpf__destroy(kernel->skeleton);
	free(kernel);
}

const struct sensor_hook *kernel_side_hooks(const struct kernel_side *kernel, size_t *ret_count)
{
	*ret_count = kernel->hook_count;
	return kernel->hooks;
}

int kernel_side_ring(const struct kernel_side *kernel, enum kernel_ring ring, size_t *ret_size)
{
	*ret_size = kernel->ring_sizes[ring];
	return bpf_map__fd(kernel_ring_map(kernel, ring));
}

struct kernel_attachment *kernel_side_attach(struct kernel_side *kernel, int cgroup_fd,
                                             struct error *err)
{
	struct kernel_attachment *attachment = xcalloc(1, sizeof(*attachment));

	for (size_t i = 0; i < KERNEL_HOOKS; i++) {
		if (!kernel_hook_rows[i].on_cgroup || !kernel->hooks[i].active)
			continue;
		attachment->links[i] =
		        bpf_program__attach_cgroup(kernel_program(kernel, i), cgroup_fd);
		if (attachment->links[i])
			continue;
		error_set_errno(err, errno, "cannot attach %s to the run's cgroup",
		                kernel_hook_rows[i].name);
		kernel_attachment_destroy(attachment);
		return NULL;
	}
	return attachment;
}

void kernel_attachment_destroy(struct kernel_attachment *attachment)
{
	for (size_t i = 0; attachment && i < KERNEL_HOOKS; i++)
		(void)bpf_link__destroy(attachment->links[i]);
	free(attachment);
}

bool kernel_side_has_optional(const struct kernel_side *kernel)
{
	for (size_t i = 0; i < KERNEL_HOOKS; i++)
		if (kernel_hook_rows[i].optional && kernel->hooks[i].active)
			return true;
	return false;
}

uint64_t kernel_side_missed(const struct kernel_side *kernel)
{
	uint64_t missed = 0;

	for (size_t i = 0; i < KERNEL_HOOKS; i++) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (kernel->hooks[i].active &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(kernel_program(kernel, i)), &info,
		                           &size) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}
