// SPDX-License-Identifier: Apache-2.0
#include "kernel_side.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "model/program.h"
#include "sensor_bpf.skel.h"

enum {
	RING_SIZE_MAX = 1 << 30,
	LOG_MAX = 256 << 10, /* of the verifier; only its last line of substance is shown */
};

static const char btf_path[] = "/sys/kernel/btf/vmlinux";

struct hook_row {
	const char *name, *sees;
	size_t program; /* offset in the skeleton */
	bool on_cgroup; /* attached to each run's cgroup, else once */
	bool optional;
};

/* BPF_CGROUP_UNIX_CONNECT and _SENDMSG of Linux 6.7. Older libbpf does not know them by their
 * sections' names. */
enum { ATTACH_UNIX_CONNECT = 49, ATTACH_UNIX_SENDMSG = 50 };
static const char unix_connect[] = "cgroup/connect_unix", unix_sendmsg[] = "cgroup/sendmsg_unix";

#define PROGRAM(name) offsetof(struct sensor_bpf, progs.name)

static const struct hook_row hook_rows[] = {
        {"tp_btf/sys_exit",
         "opens of files by any system call, failed opens and execs, other interfaces",
         PROGRAM(on_sys_exit), false, false},
        {"tp_btf/sched_process_exec", "programs that run, with arguments", PROGRAM(on_exec), false,
         false},
        {"tp_btf/sched_process_fork", "new processes", PROGRAM(on_fork), false, false},
        {"tp_btf/sched_process_exit", "ends of processes, npm's exit status", PROGRAM(on_exit),
         false, false},
        {"tp_btf/io_uring_complete", "opens of files through io_uring",
         PROGRAM(on_io_uring_complete), false, true},
        {"tp_btf/io_uring_submit_req", "names of failed opens through io_uring",
         PROGRAM(on_io_uring_submit), false, true},
        {"tp_btf/inode_set_ctime_to_ts", "renames, links, removals and other changes of files",
         PROGRAM(on_ctime_set), false, true},
        {"tp_btf/ctime_ns_xchg", "the same, on file systems with fine time stamps",
         PROGRAM(on_ctime_exchange), false, true},
        {"tp_btf/ctime_xchg_skip", "the same, twice within a tick", PROGRAM(on_ctime_same), false,
         true},
        {"cgroup/sock_create", "owners of sockets", PROGRAM(on_socket), true, false},
        {"cgroup/connect4", "IPv4 destinations", PROGRAM(on_connect4), true, false},
        {"cgroup/connect6", "IPv6 destinations", PROGRAM(on_connect6), true, false},
        {"cgroup/sendmsg4", "IPv4 destinations of unconnected sockets", PROGRAM(on_sendmsg4), true,
         false},
        {"cgroup/sendmsg6", "IPv6 destinations of unconnected sockets", PROGRAM(on_sendmsg6), true,
         false},
        {unix_connect, "names of UNIX sockets, whatever becomes of the descriptor",
         PROGRAM(on_connect_unix), true, true},
        {unix_sendmsg, "datagrams to UNIX sockets by name", PROGRAM(on_sendmsg_unix), true, true},
        {"cgroup_skb/egress", "DNS queries, TLS and QUIC server names", PROGRAM(on_egress), true,
         false},
        {"cgroup_skb/ingress", "DNS answers", PROGRAM(on_ingress), true, false},
        {"tp_btf/inet_sock_set_state", "results of TCP connects", PROGRAM(on_socket_state), false,
         true},
};

enum { HOOKS = sizeof(hook_rows) / sizeof(*hook_rows) };

struct kernel_side {
	struct sensor_bpf *skeleton;
	struct sensor_hook hooks[HOOKS];
	struct bpf_link *links[HOOKS]; /* of programs that are attached once */
	size_t ring_sizes[KERNEL_RINGS];
	int cpus;
};

struct kernel_attachment {
	struct bpf_link *links[HOOKS];
};

static struct bpf_program *program_of(const struct kernel_side *kernel, size_t hook)
{
	return *(struct bpf_program **)(void *)((char *)kernel->skeleton + hook_rows[hook].program);
}

static struct bpf_map *ring_map(const struct kernel_side *kernel, enum kernel_ring ring)
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

static void hook_missing(struct kernel_side *kernel, size_t hook, const char *reason)
{
	struct sensor_hook *row = &kernel->hooks[hook];

	row->active = false;
	(void)snprintf(row->missing, sizeof(row->missing), "%.*s", (int)sizeof(row->missing) - 1,
	               reason);
}

/* Tracepoints of newer kernels: what does not exist is not even tried. */
static void find_hooks(struct kernel_side *kernel)
{
	for (size_t i = 0; i < HOOKS; i++) {
		const char *name = strchr(hook_rows[i].name, '/') + 1;

		if (hook_rows[i].optional && !hook_rows[i].on_cgroup &&
		    libbpf_find_vmlinux_btf_id(name, BPF_TRACE_RAW_TP) < 0)
			hook_missing(kernel, i, "this kernel does not have the tracepoint");
	}
}

/* Leaves out the optional programs whose name contains `part`. */
static void drop_hooks(struct kernel_side *kernel, const char *part, const char *reason)
{
	for (size_t i = 0; i < HOOKS; i++)
		if (hook_rows[i].optional && kernel->hooks[i].active &&
		    strstr(hook_rows[i].name, part))
			hook_missing(kernel, i, reason);
}

/* Are all programs there that see changes of files? */
static bool changes_traced(const struct kernel_side *kernel)
{
	bool all = true;

	for (size_t i = 0; i < HOOKS; i++)
		if (strstr(hook_rows[i].name, "ctime"))
			all = all && kernel->hooks[i].active;
	return all;
}

/* Where the section's name stands for another place. */
static void set_attach_type(struct kernel_side *kernel, size_t hook)
{
	const char *name = hook_rows[hook].name;
	int type = name == unix_connect ? ATTACH_UNIX_CONNECT : ATTACH_UNIX_SENDMSG;

	if (name == unix_connect || name == unix_sendmsg)
		(void)bpf_program__set_expected_attach_type(program_of(kernel, hook),
		                                            (enum bpf_attach_type)type);
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
	for (size_t i = 0; i < HOOKS; i++) {
		if (hook_rows[i].optional)
			(void)bpf_program__set_autoload(program_of(kernel, i),
			                                kernel->hooks[i].active);
		set_attach_type(kernel, i);
	}
	kernel->skeleton->rodata->changes_traced = changes_traced(kernel);
	for (enum kernel_ring i = 0; i < KERNEL_RINGS && r == 0; i++)
		r = bpf_map__set_max_entries(ring_map(kernel, i), (uint32_t)kernel->ring_sizes[i]);
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

/* Loads what this kernel takes: all, else without one group of optional programs, else without any
 * of them. The reason of the first refusal is that of what is left out. */
static int load_best(struct kernel_side *kernel, struct error *err)
{
	static const char *const groups[] = {"_unix", "io_uring", "ctime", "inet_sock", "/"};
	struct sensor_hook all[HOOKS];
	struct error first = {0};

	memcpy(all, kernel->hooks, sizeof(all));
	if (try_load(kernel, &first) == 0)
		return 0;
	*err = first;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups) && err->code != EPERM; i++) {
		memcpy(kernel->hooks, all, sizeof(all));
		drop_hooks(kernel, groups[i], first.text);
		if (try_load(kernel, err) == 0)
			return 0;
	}
	return -err->code;
}

static int load(struct kernel_side *kernel, const char *tier, struct error *err)
{
	if (access(btf_path, R_OK) < 0)
		return error_set_class(err, ERROR_FATAL, ENOENT,
		                       "kernel has no BTF (%s): boot a kernel that was built with "
		                       "CONFIG_DEBUG_INFO_BTF=y",
		                       btf_path);
	if (tier && strcmp(tier, SENSOR_TIER_BASIC) == 0)
		drop_hooks(kernel, "/", "not part of the tier '" SENSOR_TIER_BASIC "'");
	return load_best(kernel, err);
}

static int attach_hook(struct kernel_side *kernel, size_t hook, struct error *err)
{
	kernel->links[hook] = bpf_program__attach(program_of(kernel, hook));
	if (kernel->links[hook])
		return 0;
	return error_set_class(err, ERROR_FATAL, errno, "cannot attach to %s: %s",
	                       hook_rows[hook].name, strerror(errno));
}

static void detach_hook(struct kernel_side *kernel, size_t hook)
{
	(void)bpf_link__destroy(kernel->links[hook]);
	kernel->links[hook] = NULL;
}

/* Programs that run at each system call of the host. */
static bool is_costly(size_t hook)
{
	return hook_rows[hook].program == PROGRAM(on_sys_exit);
}

int kernel_side_wake(struct kernel_side *kernel, struct error *err)
{
	for (size_t i = 0; i < HOOKS; i++)
		if (is_costly(i) && !kernel->links[i] && attach_hook(kernel, i, err) < 0)
			return -err->code;
	return 0;
}

void kernel_side_sleep(struct kernel_side *kernel)
{
	for (size_t i = 0; i < HOOKS; i++)
		if (is_costly(i))
			detach_hook(kernel, i);
}

static int attach_tasks(struct kernel_side *kernel, struct error *err)
{
	for (size_t i = 0; i < HOOKS; i++) {
		if (hook_rows[i].on_cgroup || !kernel->hooks[i].active)
			continue;
		if (attach_hook(kernel, i, err) == 0)
			continue;
		if (!hook_rows[i].optional)
			return -err->code;
		hook_missing(kernel, i, strerror(err->code));
	}
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
	for (size_t i = 0; i < HOOKS; i++)
		kernel->hooks[i] = (struct sensor_hook){
		        .name = hook_rows[i].name, .sees = hook_rows[i].sees, .active = true};
	libbpf_set_print(NULL); /* its reasons reach us by return value and log buffer */
	kernel->cpus = libbpf_num_possible_cpus();
	if (kernel->cpus <= 0) {
		error_set_class(err, ERROR_FATAL, EIO, "cannot count the CPUs of this host");
		return NULL;
	}
	find_hooks(kernel);
	if (load(kernel, options->tier, err) < 0 || attach_tasks(kernel, err) < 0)
		return NULL;
	opened = kernel;
	kernel = NULL;
	return opened;
}

void kernel_side_close(struct kernel_side *kernel)
{
	if (!kernel)
		return;
	for (size_t i = 0; i < HOOKS; i++)
		detach_hook(kernel, i);
	sensor_bpf__destroy(kernel->skeleton);
	free(kernel);
}

const struct sensor_hook *kernel_side_hooks(const struct kernel_side *kernel, size_t *ret_count)
{
	*ret_count = HOOKS;
	return kernel->hooks;
}

int kernel_side_ring(const struct kernel_side *kernel, enum kernel_ring ring, size_t *ret_size)
{
	*ret_size = kernel->ring_sizes[ring];
	return bpf_map__fd(ring_map(kernel, ring));
}

/* Runs. ------------------------------------------------------------------------------------- */

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

int kernel_side_enter(struct kernel_side *kernel, uint64_t cgroup_id, struct scope scope,
                      struct error *err)
{
	int fd = bpf_map__fd(kernel->skeleton->maps.scopes);

	kernel->skeleton->bss->scope_hints[cgroup_id % RECORD_SCOPE_HINTS]++;
	if (bpf_map_update_elem(fd, &cgroup_id, &scope, BPF_NOEXIST) == 0)
		return 0;
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
}

struct kernel_attachment *kernel_side_attach(struct kernel_side *kernel, int cgroup_fd,
                                             struct error *err)
{
	struct kernel_attachment *attachment = xcalloc(1, sizeof(*attachment));

	for (size_t i = 0; i < HOOKS; i++) {
		if (!hook_rows[i].on_cgroup || !kernel->hooks[i].active)
			continue;
		attachment->links[i] = bpf_program__attach_cgroup(program_of(kernel, i), cgroup_fd);
		if (attachment->links[i])
			continue;
		error_set_errno(err, errno, "cannot attach %s to the run's cgroup",
		                hook_rows[i].name);
		kernel_attachment_destroy(attachment);
		return NULL;
	}
	return attachment;
}

void kernel_attachment_destroy(struct kernel_attachment *attachment)
{
	for (size_t i = 0; attachment && i < HOOKS; i++)
		(void)bpf_link__destroy(attachment->links[i]);
	free(attachment);
}

/* Counters. --------------------------------------------------------------------------------- */

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

bool kernel_side_has_optional(const struct kernel_side *kernel)
{
	for (size_t i = 0; i < HOOKS; i++)
		if (hook_rows[i].optional && kernel->hooks[i].active)
			return true;
	return false;
}

uint64_t kernel_side_missed(const struct kernel_side *kernel)
{
	uint64_t missed = 0;

	for (size_t i = 0; i < HOOKS; i++) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (kernel->hooks[i].active &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(program_of(kernel, i)), &info, &size) ==
		            0)
			missed += info.recursion_misses;
	}
	return missed;
}

void kernel_side_ignore_stream(struct kernel_side *kernel, uint64_t cookie)
{
	struct flow done = {.state = FLOW_IGNORED};

	/* Gone already: nothing to ignore. */
	(void)bpf_map_update_elem(bpf_map__fd(kernel->skeleton->maps.flows), &cookie, &done,
	                          BPF_EXIST);
}
