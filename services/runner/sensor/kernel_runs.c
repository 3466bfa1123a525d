// SPDX-License-Identifier: Apache-2.0
/* What the kernel keeps for runs: what they watch, where they live, what they have begun, and what
 * was lost of them. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "kernel_internal.h"
#include "model/program.h"

static void watch_key_of(uint32_t slot, const struct watch_entry *entry, struct watch_key *ret)
{
	size_t size = entry->size < RECORD_PREFIX_MAX ? entry->size : RECORD_PREFIX_MAX;

	*ret = (struct watch_key){.prefix_bits = (uint32_t)(32 + size * 8), .slot = slot};
	memcpy(ret->path, entry->prefix, size);
}

int kernel_side_watch(struct kernel_side *kernel, uint32_t slot, const struct watch_list *list,
                      struct error *err)
{
	int fd = bpf_map__fd(kernel->skeleton->maps.watches);

	/* From the longest on, so that of two which are equal in the kernel's view the tagged one
	 * is not lost. */
	for (size_t i = 0; i < list->count; i++) {
		uint32_t tag = list->entries[i].cred;
		struct watch_key key;

		watch_key_of(slot, &list->entries[i], &key);
		if (bpf_map_update_elem(fd, &key, &tag, tag ? BPF_ANY : BPF_NOEXIST) < 0 &&
		    errno != EEXIST) {
			int code = errno;

			kernel_side_unwatch(kernel, slot, list);
			return error_set_errno(err, code, "cannot watch '%s'",
			                       list->entries[i].prefix);
		}
	}
	return 0;
}

void kernel_side_unwatch(struct kernel_side *kernel, uint32_t slot, const struct watch_list *list)
{
	int fd = bpf_map__fd(kernel->skeleton->maps.watches);

	for (size_t i = 0; i < list->count; i++) {
		struct watch_key key;

		watch_key_of(slot, &list->entries[i], &key);
		(void)bpf_map_delete_elem(fd, &key);
	}
}

int kernel_side_await(struct kernel_side *kernel, uint32_t slot, const char *program,
                      struct error *err)
{
	int fd = bpf_map__fd(kernel->skeleton->maps.homes);
	struct home home = {0};
	struct view name = path_base_name(view_of_string(program ? program : ""));

	if (name.size >= sizeof(home.first_program))
		name.size = sizeof(home.first_program) - 1;
	if (name.size)
		memcpy(home.first_program, name.data, name.size);
	if (bpf_map_update_elem(fd, &slot, &home, BPF_ANY) < 0)
		return error_set_errno(err, errno, "cannot set the run's first program");
	return 0;
}

int kernel_side_aggregate(struct kernel_side *kernel, uint32_t slot, struct error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "opened", sizeof(struct opened_key),
	                        sizeof(uint32_t), RECORD_OPENED_MAX, &opts);
	int r, code;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot make the run's map of opens");
	r = bpf_map_update_elem(bpf_map__fd(kernel->skeleton->maps.opened), &slot, &fd, BPF_ANY);
	code = errno;
	(void)close(fd); /* the outer map holds it */
	return r < 0 ? error_set_errno(err, code, "cannot set the run's map of opens") : 0;
}

static void forget_aliases(struct kernel_side *kernel, uint32_t slot)
{
	int fd = bpf_map__fd(kernel->skeleton->maps.aliases);
	struct alias_key key, next;
	int r = bpf_map_get_next_key(fd, NULL, &next);

	while (r == 0) {
		key = next;
		r = bpf_map_get_next_key(fd, &key, &next);
		if (key.slot == slot)
			(void)bpf_map_delete_elem(fd, &key);
	}
}

static void forget_asked_opens(struct kernel_side *kernel, uint32_t slot)
{
	const struct bpf_map *map = kernel->skeleton->maps.asked_opens;
	AUTO(free) struct record_header *asked = xcalloc(1, bpf_map__value_size(map));
	uint64_t key, next;
	int fd = bpf_map__fd(map), r = bpf_map_get_next_key(fd, NULL, &next);

	while (r == 0) {
		key = next;
		r = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, asked) == 0 && asked->slot == slot)
			(void)bpf_map_delete_elem(fd, &key);
	}
}

/* Changes of the run that have begun and not ended. */
static uint64_t unfinished(const struct kernel_side *kernel, uint32_t slot, bool forget)
{
	int fd = bpf_map__fd(kernel->skeleton->maps.changes);
	AUTO(free) void *change = xcalloc(1, bpf_map__value_size(kernel->skeleton->maps.changes));
	uint64_t key, next, count = 0;
	int r = bpf_map_get_next_key(fd, NULL, &next);

	while (r == 0) {
		key = next;
		r = bpf_map_get_next_key(fd, &key, &next);
		/* Its first member is the slot. */
		if (bpf_map_lookup_elem(fd, &key, change) < 0 || *(uint32_t *)change != slot)
			continue;
		count++;
		if (forget)
			(void)bpf_map_delete_elem(fd, &key);
	}
	return count;
}

uint64_t kernel_side_unfinished(const struct kernel_side *kernel, uint32_t slot)
{
	return unfinished(kernel, slot, false);
}

void kernel_side_forget(struct kernel_side *kernel, uint32_t slot)
{
	(void)unfinished(kernel, slot, true);
	forget_asked_opens(kernel, slot);
	if (kernel->skeleton->bss->has_aliases[slot])
		forget_aliases(kernel, slot);
	kernel->skeleton->bss->has_aliases[slot] = 0;
	(void)bpf_map_delete_elem(bpf_map__fd(kernel->skeleton->maps.opened), &slot);
}

/* What was found to belong to no run may belong to one now. */
static void forget_strangers(struct kernel_side *kernel)
{
	__atomic_add_fetch(&kernel->skeleton->bss->strangers_round, 1, __ATOMIC_SEQ_CST);
	memset((void *)kernel->skeleton->bss->strangers, 0,
	       sizeof(kernel->skeleton->bss->strangers));
}

int kernel_side_enter(struct kernel_side *kernel, uint64_t cgroup_id, struct scope scope,
                      struct error *err)
{
	int fd = bpf_map__fd(kernel->skeleton->maps.scopes);

	kernel->skeleton->bss->scope_hints[cgroup_id % RECORD_SCOPE_HINTS]++;
	if (bpf_map_update_elem(fd, &cgroup_id, &scope, BPF_NOEXIST) == 0) {
		forget_strangers(kernel);
		return 0;
	}
	kernel->skeleton->bss->scope_hints[cgroup_id % RECORD_SCOPE_HINTS]--;
	if (errno == EEXIST)
		return error_set(err, EINVAL, "the cgroup already belongs to a run");
	return error_set_errno(err, errno, "cannot register the run's cgroup");
}

void kernel_side_leave(struct kernel_side *kernel, uint64_t cgroup_id)
{
	if (bpf_map_delete_elem(bpf_map__fd(kernel->skeleton->maps.scopes), &cgroup_id) == 0)
		kernel->skeleton->bss->scope_hints[cgroup_id % RECORD_SCOPE_HINTS]--;
}

void kernel_side_set_depth(struct kernel_side *kernel, uint32_t index, uint32_t depth)
{
	kernel->skeleton->bss->depths[index] = depth;
}

void kernel_side_set_depth_count(struct kernel_side *kernel, uint32_t count)
{
	/* Entries before their number. */
	__atomic_store_n(&kernel->skeleton->bss->depth_count, count, __ATOMIC_RELEASE);
	forget_strangers(kernel);
}

void kernel_side_counters(const struct kernel_side *kernel, uint32_t slot, struct run_counters *ret)
{
	AUTO(free) struct run_counters *all = xcalloc((size_t)kernel->cpus, sizeof(*all));

	*ret = (struct run_counters){0};
	if (bpf_map_lookup_elem(bpf_map__fd(kernel->skeleton->maps.counters), &slot, all) < 0)
		return;
	for (int cpu = 0; cpu < kernel->cpus; cpu++) {
		for (size_t kind = 0; kind < RECORD_KIND_COUNT; kind++)
			ret->lost[kind] += all[cpu].lost[kind];
		ret->unreadable += all[cpu].unreadable;
		ret->repeats += all[cpu].repeats;
		ret->unaggregated += all[cpu].unaggregated;
		ret->flows_unknown += all[cpu].flows_unknown;
	}
}

void kernel_side_reset_counters(struct kernel_side *kernel, uint32_t slot)
{
	AUTO(free)
	struct run_counters *all = xcalloc((size_t)kernel->cpus, sizeof(*all));

	(void)bpf_map_update_elem(bpf_map__fd(kernel->skeleton->maps.counters), &slot, all,
	                          BPF_ANY);
}

void kernel_side_ignore_stream(struct kernel_side *kernel, uint64_t cookie)
{
	struct flow done = {.state = FLOW_IGNORED};

	/* Gone already: nothing to ignore. */
	(void)bpf_map_update_elem(bpf_map__fd(kernel->skeleton->maps.flows), &cookie, &done,
	                          BPF_EXIST);
}
