// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Files: of a success the one that is really open, of a failure the name that the process gave.
 * Failed execs, which no other hook sees, share the second path.
 */
#ifndef FANGS_BPF_FILES_H
#define FANGS_BPF_FILES_H

#include "calls.bpf.h"
#include "emit.bpf.h"
#include "kernel.bpf.h"
#include "names.bpf.h"
#include "path.bpf.h"

enum {
	FILES_AT_FDCWD = -100,
	FILES_O_CREAT = 0100,
	FILES_O_CREAT_FLAGS = 01101, /* O_CREAT | O_WRONLY | O_TRUNC: what creat(2) means */
	FILES_O_ACCMODE = 3,
	FILES_O_MEANING = 01103,    /* access mode, O_CREAT, O_TRUNC */
	FILES_RESTART_FIRST = -516, /* -ERESTART*: the call is going to be made again */
	FILES_RESTART_LAST = -512,
	FILES_NAME_MAX = NAMES_NAME_MAX,
};

static __always_inline void fill_inode(struct record_file *record, struct inode *inode)
{
	record->inode = BPF_CORE_READ(inode, i_ino);
	record->mode = BPF_CORE_READ(inode, i_mode);
	record->links = BPF_CORE_READ(inode, i_nlink);
	record->device = BPF_CORE_READ(inode, i_sb, s_dev);
}

/* Different opens of a run, so that repeats are not told: opened_key -> enum opened_state. Full:
 * repeats are told, and counted. */
struct opened_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RECORD_OPENED_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct opened_key)); /* of inner maps clang keeps no types */
	__uint(value_size, sizeof(__u32));
};

/* One for each run, by slot: made and dropped by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RECORD_RUNS_MAX);
	__type(key, __u32);
	__array(values, struct opened_map);
} opened SEC(".maps");

static __always_inline void opened_key_fill(struct opened_key *key, struct file *file,
                                            const struct record_file *record)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);

	key->start_ns = BPF_CORE_READ(task, group_leader, start_time);
	key->inode = record->inode;
	key->dentry = (__u64)dentry;
	key->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
	key->device = record->device;
	key->name = BPF_CORE_READ(dentry, d_name.hash);
	key->flags = (__u32)record->open_flags & FILES_O_MEANING;
}

/* An open that was told before. One that was lost is tried again. */
static __always_inline int opened_before(const __u32 *state, __u32 slot)
{
	struct run_counters *run;

	if (!state || *state != OPENED_TOLD)
		return 0;
	run = counters_of(slot);
	if (run)
		run->repeats++;
	return 1;
}

/* Remembers what became of an open, so that one that is lost counts once, and not at all any more
 * when a repeat of it gets through. */
static __always_inline void opened_note(void *map, const struct opened_key *key, __u32 *state,
                                        __u32 slot, enum record_kind kind, int is_lost)
{
	__u32 now = is_lost ? OPENED_LOST : OPENED_TOLD;
	struct run_counters *run = counters_of(slot);

	if (!run)
		return;
	if (state) {
		run->lost[kind]--; /* it counted as lost before, and does now if it is */
		*state = now;
	} else if (bpf_map_update_elem(map, key, &now, BPF_ANY)) {
		run->unaggregated++;
	}
}

/* Files that had a watched name when they got another. Full: counted as lost changes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RECORD_ALIASES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct alias_key);
	__type(value, __u32);
} aliases SEC(".maps");

/* Runs that have any: the others need not look. */
volatile __u8 has_aliases[RECORD_RUNS_MAX];

static __always_inline void alias_add(const struct scope *scope, __u64 inode, __u32 device,
                                      __u32 is_cred)
{
	struct alias_key key = {.inode = inode,
	                        .device = device,
	                        .slot = scope->slot,
	                        .generation = scope->generation};

	if (bpf_map_update_elem(&aliases, &key, &is_cred, BPF_ANY))
		count_lost(scope->slot, RECORD_CHANGE);
	has_aliases[scope->slot & (RECORD_RUNS_MAX - 1)] = 1;
}

/* Of a file without a watched name: has it had one? Then the record says which file that was. An
 * overlay's file may be known by the one in the upper layer. */
static __always_inline enum watch_result alias_match(struct record_file *record,
                                                     const struct scope *scope, struct file *file)
{
	struct alias_key key = {.inode = record->inode,
	                        .device = record->device,
	                        .slot = scope->slot,
	                        .generation = scope->generation};
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct ovl_inode *overlay;
	__u32 *is_cred;

	if (!has_aliases[scope->slot & (RECORD_RUNS_MAX - 1)])
		return WATCH_NO;
	is_cred = bpf_map_lookup_elem(&aliases, &key);
	if (!is_cred && BPF_CORE_READ(inode, i_sb, s_magic) == PATH_OVERLAY_MAGIC) {
		overlay = (void *)inode - bpf_core_field_offset(struct ovl_inode, vfs_inode);
		inode = BPF_CORE_READ(overlay, __upperdentry, d_inode);
		key.inode = BPF_CORE_READ(inode, i_ino);
		key.device = BPF_CORE_READ(inode, i_sb, s_dev);
		is_cred = bpf_map_lookup_elem(&aliases, &key);
	}
	if (!is_cred)
		return WATCH_NO;
	record->role = RECORD_ROLE_SOURCE;
	record->inode = key.inode;
	record->device = key.device;
	return *is_cred ? WATCH_CRED : WATCH_YES;
}

/* record->dfd, open_flags and result are set; adds path and identity, and emits if watched. */
static __always_inline void file_opened(__u32 user, struct file_scratch *scratch,
                                        const struct scope *scope, struct file *file, __u32 flags)
{
	struct record_file *record = &scratch->record;
	struct found_path path;
	enum watch_result watch;
	struct opened_key key = {};
	__u32 *state, slot = scope->slot;
	void *map;
	__u64 size;
	long lost;

	fill_inode(record, BPF_CORE_READ(file, f_inode));
	opened_key_fill(&key, file, record);
	map = bpf_map_lookup_elem(&opened, &slot);
	state = map ? bpf_map_lookup_elem(map, &key) : 0;
	if (opened_before(state, slot))
		return;
	path = name_of_path(user, slot, &file->f_path);
	watch = path.watch;
	record->role = RECORD_ROLE_NONE;
	if (watch == WATCH_NO)
		watch = alias_match(record, scope, file);
	/* What has no place below the process's root cannot be matched, and is rare: user space
	 * gets it all. */
	if (watch == WATCH_NO && !(path.flags & (RECORD_OUTSIDE | RECORD_CUT)))
		return;
	fill_current(&record->header, RECORD_FILE, scope);
	record->header.flags = (__u8)(path.flags | flags | (watch == WATCH_CRED ? RECORD_CRED : 0));
	record->name_size = 0;
	record->operation = RECORD_OPEN;
	record->reserved = 0;
	size = name_copy(scratch, &path, scratch->text);
	record->path_size = (__u16)size;
	size = sizeof(*record) + bounded(size, RECORD_PATH_MAX);
	if (watch == WATCH_CRED)
		lost = emit(&priority_ring, &record->header, size);
	else
		lost = emit(&file_ring, &record->header, size);
	if (map)
		opened_note(map, &key, state, slot, RECORD_FILE, lost != 0);
}

/* Where the scan of a name stands within "//", "/./" and "/../". */
enum name_state { NAME_OTHER, NAME_SLASH, NAME_DOT, NAME_DOT_DOT };

struct name_scan {
	const char *text;
	__u32 size;
	__u8 state, odd;
};

/* Looks for names that mean another path than they spell. */
static long name_scan_step(__u32 index, void *context)
{
	struct name_scan *scan = context;
	char c;

	if (index >= scan->size)
		return 1;
	c = scan->text[bounded(index, FILES_NAME_MAX - 1)];
	if (c == '/') {
		scan->odd |= scan->state != NAME_OTHER;
		scan->state = NAME_SLASH;
	} else if (c == '.' && (scan->state == NAME_SLASH || scan->state == NAME_DOT)) {
		scan->state++;
	} else {
		scan->state = NAME_OTHER;
	}
	return scan->odd & 1;
}

static __always_inline int name_is_odd(const char *name, __u64 size, int relative)
{
	struct name_scan scan = {name, (__u32)size, relative ? NAME_SLASH : NAME_OTHER, 0};

	bpf_loop(FILES_NAME_MAX, name_scan_step, &scan, 0);
	return scan.odd || scan.state == NAME_DOT || scan.state == NAME_DOT_DOT;
}

/* Could the name, made absolute, be below a watched prefix? Names that need normalising are left
 * to user space (WATCH_UNKNOWN), as are those in /proc, whose links lead anywhere. */
static __always_inline enum watch_result attempt_match(struct file_scratch *scratch, __u32 slot,
                                                       __u64 base_size, __u64 name_size)
{
	struct watch_key *key = &scratch->path.key;
	const char *name = scratch->text + base_size;

	if (name_is_odd(name, name_size, base_size != 0) || base_size == 1 ||
	    base_size >= RECORD_PREFIX_MAX)
		return WATCH_UNKNOWN;
	bpf_probe_read_kernel(key->path, PATH_KEY_COPY, scratch->text);
	if (base_size) {
		base_size &= PATH_KEY_COPY - 1;
		key->path[base_size] = '/';
		bpf_probe_read_kernel(key->path + base_size + 1, PATH_KEY_COPY, name);
		name_size += base_size + 1;
	}
	if (key->path[1] == 'p' && key->path[2] == 'r' && key->path[3] == 'o' &&
	    key->path[4] == 'c' && key->path[5] == '/')
		return WATCH_UNKNOWN;
	return watch_match_key(key, slot, (__u32)name_size);
}

/* The directory that a name starts from, copied to scratch->text: of an absolute one the root of a
 * process that has another one than the run. Returns its size; 0: none. */
static __always_inline __u64 attempt_base(__u32 user, struct file_scratch *scratch, __u32 slot,
                                          int absolute, __u32 *flags)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	int dfd = scratch->record.dfd;
	const struct path *path = &fs->pwd;
	struct found_path found;

	if (absolute) {
		if (is_at_root_of_run(slot, task))
			return 0;
		path = &fs->root;
	} else if (dfd != FILES_AT_FDCWD) {
		struct file *directory = file_of_descriptor(task, (__u32)dfd);

		if (!directory)
			return 0;
		path = &directory->f_path;
	}
	found = name_of_path(user, slot, path);
	*flags |= found.flags;
	return name_copy(scratch, &found, scratch->text);
}

/* A name that a process gives, in its memory or in the kernel's copy of it. */
struct attempt {
	const char *name;
	__u32 user; /* of the scratch buffer */
	int in_kernel;
	__u32 flags;
	__u64 base_size, name_size; /* of what stands in scratch->text */
};

static __always_inline long attempt_read_name(const struct attempt *attempt, char *to)
{
	if (attempt->in_kernel)
		return bpf_probe_read_kernel_str(to, FILES_NAME_MAX, attempt->name);
	return bpf_probe_read_user_str(to, FILES_NAME_MAX, attempt->name);
}

static __always_inline char attempt_first(const struct attempt *attempt)
{
	char first = 0;

	if (attempt->in_kernel)
		bpf_probe_read_kernel(&first, 1, attempt->name);
	else
		bpf_probe_read_user(&first, 1, attempt->name);
	return first;
}

/* Puts base and name into scratch->text; 0 if the name cannot be read. */
static __always_inline int attempt_read(struct file_scratch *scratch, __u32 slot,
                                        struct attempt *attempt)
{
	int absolute = attempt_first(attempt) == '/';
	__u64 base_size;
	long size;

	base_size = attempt_base(attempt->user, scratch, slot, absolute, &attempt->flags);
	if (base_size && absolute)
		attempt->name++; /* told from the base on */
	attempt->base_size = base_size = bounded(base_size, RECORD_PATH_MAX);
	size = attempt_read_name(attempt, scratch->text + base_size);
	if (size <= 0)
		return 0;
	if (size == FILES_NAME_MAX)
		attempt->flags |= RECORD_CUT;
	attempt->name_size = (__u64)size - 1; /* without the NUL */
	return 1;
}

static __always_inline void attempt_unreadable(__u32 slot)
{
	struct run_counters *run = counters_of(slot);

	if (run)
		run->unreadable++;
}

/* The rest of the record of what stands in scratch->text: record->dfd, open_flags, result and
 * operation are set. */
static __always_inline void attempt_fill(struct file_scratch *scratch, const struct scope *scope,
                                         enum record_kind kind, const struct attempt *attempt,
                                         enum watch_result watch)
{
	struct record_file *record = &scratch->record;

	fill_current(&record->header, kind, scope);
	record->header.flags = (__u8)(attempt->flags | (watch == WATCH_CRED ? RECORD_CRED : 0));
	record->inode = 0;
	record->device = record->mode = record->links = 0;
	record->role = 0;
	record->reserved = 0;
	record->path_size = (__u16)attempt->base_size;
	record->name_size = (__u16)attempt->name_size;
}

/* Looks never get to the ring of credentials, however many there are. */
static __always_inline long attempt_emit(struct record_file *record)
{
	__u64 size =
	        bounded(record->path_size + record->name_size, RECORD_PATH_MAX + FILES_NAME_MAX);
	int urgent = record->header.flags & RECORD_CRED && record->operation != RECORD_STAT;

	if (urgent || record->header.kind == RECORD_EXEC_FAILED)
		return emit(&priority_ring, &record->header, sizeof(*record) + size);
	return emit(&file_ring, &record->header, sizeof(*record) + size);
}

/* A call that failed: record->dfd, open_flags, result and operation are set. */
static __always_inline void call_failed(struct file_scratch *scratch, const struct scope *scope,
                                        enum record_kind kind, const char *user_name, __u32 flags)
{
	struct attempt attempt = {.name = user_name, .user = FILE_SCRATCH_CALL, .flags = flags};
	enum watch_result watch = WATCH_YES;

	if (!attempt_read(scratch, scope->slot, &attempt)) {
		attempt_unreadable(scope->slot);
		return;
	}
	if (kind == RECORD_FILE_FAILED)
		watch = attempt_match(scratch, scope->slot, attempt.base_size, attempt.name_size);
	if (watch == WATCH_NO)
		return;
	attempt_fill(scratch, scope, kind, &attempt, watch);
	(void)attempt_emit(&scratch->record);
}

/* Looks: a credential's name was asked for, no more. --------------------------------------------
 */

#define LOOK_OPEN_FLAGS 0x80000000U /* in opened_key.flags: no open */
#define LOOK_PRIME 0x100000001b3ULL

struct look_hash {
	const char *text;
	__u64 size, value;
};

static long look_hash_step(__u32 index, void *context)
{
	struct look_hash *hash = context;

	if (index >= hash->size)
		return 1;
	hash->value ^= (__u8)hash->text[bounded(index, RECORD_PATH_MAX + FILES_NAME_MAX - 1)];
	hash->value *= LOOK_PRIME;
	return 0;
}

/* What makes a look a repeat: who, which name, whether there was something. The start is nothing
 * that a process could know, so that it cannot make up two names that count as one. */
static __always_inline void look_key_fill(struct opened_key *key,
                                          const struct file_scratch *scratch, __u32 slot,
                                          const struct attempt *attempt)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct home *home = bpf_map_lookup_elem(&homes, &slot);
	struct look_hash hash = {.text = scratch->text,
	                         .size = attempt->base_size + attempt->name_size};

	key->start_ns = BPF_CORE_READ(task, group_leader, start_time);
	key->pid = (__u32)(bpf_get_current_pid_tgid() >> 32);
	hash.value = (home ? home->root.dentry : 0) ^ key->start_ns ^ attempt->base_size;
	bpf_loop(RECORD_PATH_MAX + FILES_NAME_MAX, look_hash_step, &hash, 0);
	key->inode = hash.value;
	key->flags = LOOK_OPEN_FLAGS | (scratch->record.result < 0);
}

/* stat, access, readlink of a name. Most of them concern nothing that is secret: these are left at
 * once, and so are those of a descriptor, whose open was told. */
static __always_inline void call_looked(struct file_scratch *scratch, const struct scope *scope,
                                        const char *user_name, __u32 flags)
{
	struct attempt attempt = {.name = user_name, .user = FILE_SCRATCH_CALL, .flags = flags};
	struct opened_key key = {};
	enum watch_result watch;
	__u32 *state, slot = scope->slot;
	long lost;
	void *map;

	if (!attempt_first(&attempt) || !attempt_read(scratch, slot, &attempt))
		return;
	watch = attempt_match(scratch, slot, attempt.base_size, attempt.name_size);
	if (watch != WATCH_CRED && watch != WATCH_UNKNOWN)
		return;
	look_key_fill(&key, scratch, slot, &attempt);
	map = bpf_map_lookup_elem(&opened, &slot);
	state = map ? bpf_map_lookup_elem(map, &key) : 0;
	if (opened_before(state, slot))
		return;
	attempt_fill(scratch, scope, RECORD_FILE_FAILED, &attempt, watch);
	lost = attempt_emit(&scratch->record);
	if (map)
		opened_note(map, &key, state, slot, RECORD_FILE_FAILED, lost != 0);
}

/* Flags as the process gave them: the kernel forgets O_CREAT once the file is open. */
static __always_inline __s32 flags_of_call(struct pt_regs *regs, enum call call, int compat)
{
	struct open_how how = {};

	switch (call) {
	case CALL_OPEN:
		return (__s32)call_argument(regs, compat, 1);
	case CALL_CREAT:
		return FILES_O_CREAT_FLAGS;
	case CALL_OPENAT2:
		bpf_probe_read_user(&how.flags, sizeof(how.flags),
		                    (void *)call_argument(regs, compat, 2));
		/* Volatile: clang 19 joins this load with those of the arguments, and the verifier
		 * does not take one load from two kinds of memory. */
		return (__s32) * (volatile __u64 *)&how.flags;
	default:
		return (__s32)call_argument(regs, compat, 2);
	}
}

static __always_inline int call_has_directory(enum call call)
{
	if (call >= CALL_CHANGES)
		return call >> 7 & 1;
	return call == CALL_OPENAT || call == CALL_OPENAT2 || call == CALL_EXECVEAT ||
	       call == CALL_OPEN_BY_HANDLE;
}

static __always_inline void call_opened(__u32 user, struct file_scratch *scratch,
                                        const struct scope *scope, struct file *file, __u32 flags)
{
	__s32 kernel_flags = (__s32)BPF_CORE_READ(file, f_flags);

	/* How it may be used is the kernel's word, not the caller's. */
	scratch->record.open_flags &= ~FILES_O_ACCMODE;
	scratch->record.open_flags |= kernel_flags & FILES_O_ACCMODE;
	file_opened(user, scratch, scope, file, flags);
}

#endif
