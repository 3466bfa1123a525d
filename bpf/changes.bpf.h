// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Changes without an open: rename, link, symlink, unlink, mkdir, mknod, truncate and changes of
 * attributes, by whatever entry. Every one of them sets the change time of the inodes it concerns,
 * and the kernel tells so (Linux 6.13 and newer) in the middle of the call, with the directories
 * locked: what is written down then, and compared with at the end of the call, are the kernel's own
 * names; the process's strings are never looked at. io_uring makes these changes in its workers.
 * Older kernels ask their security modules at the same moment, which can be listened to where
 * functions can be traced (not under lockdown): see the end of this file.
 */
#ifndef FANGS_BPF_CHANGES_H
#define FANGS_BPF_CHANGES_H

#include "calls.bpf.h"
#include "emit.bpf.h"
#include "files.bpf.h"
#include "kernel.bpf.h"
#include "names.bpf.h"
#include "path.bpf.h"

enum {
	CHANGES_NAMES_MAX = 8,   /* names that one call concerns; more: counted as lost */
	CHANGES_ALIASES_MAX = 4, /* names of one inode; more: counted as lost */
	CHANGES_TEXT_MAX = 8192, /* of all their paths; what is longer is cut and flagged */
	CHANGES_AT_ONCE = 256,   /* calls in progress, of all runs; more: counted as lost */
	CHANGES_PF_IO_WORKER = 0x10,
};

/* A name of an inode whose change time was set. The pointers are compared, and what they point at
 * is read only as far as a wrong answer is found out. */
struct changed_name {
	struct inode *inode;   /* NULL: the name is about to be given */
	struct dentry *dentry; /* NULL: the inode had no name yet */
	struct dentry *parent;
	__u64 ino;
	__u32 generation;
	__u32 hash; /* of the name, salted with the parent: not the same after a move */
	__u32 mode, device, links;
	__u16 text, size; /* its path in the text of the call, if watched */
	__u8 flags;       /* enum record_flag */
	__u8 watch;       /* enum watch_result */
};

struct change {
	__u32 slot, generation; /* of the run */
	__u32 operation;
	__u32 count, used;
	struct changed_name names[CHANGES_NAMES_MAX];
	char text[CHANGES_TEXT_MAX + RECORD_PATH_MAX];
};

/* Calls in progress, by thread or by request of io_uring. 256 entries, 3 MiB. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CHANGES_AT_ONCE);
	__type(key, __u64);
	__type(value, struct change);
} changes SEC(".maps");

/* What a new entry is made from. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct change);
} change_template SEC(".maps");

/* Set before loading: by change times, else by what security modules are asked. */
const volatile __u32 changes_by_time = 1;

static __always_inline __u32 change_of_opcode(__u8 opcode)
{
	switch (opcode) {
	case 35:
		return RECORD_RENAME;
	case 36:
		return RECORD_UNLINK;
	case 37:
		return RECORD_MKDIR;
	case 38:
		return RECORD_SYMLINK;
	case 39:
		return RECORD_LINK;
	case 41:
	case 42:
		return RECORD_XATTR;
	case 55:
		return RECORD_TRUNCATE;
	default:
		return RECORD_OPEN;
	}
}

/* What the current task is at, and a key for it. RECORD_OPEN: nothing of ours. */
static __always_inline __u32 change_in_progress(struct task_struct *task, __u64 *ret_key)
{
	struct io_worker *worker = task->worker_private;
	struct io_kiocb *request;
	enum call call;
	int compat;

	if (task->flags & CHANGES_PF_IO_WORKER) {
		request = (void *)BPF_CORE_READ(worker, cur_work) -
		          bpf_core_field_offset(struct io_kiocb, work);
		*ret_key = (__u64)request;
		return change_of_opcode(BPF_CORE_READ(request, opcode));
	}
	call = call_of((struct pt_regs *)bpf_task_pt_regs(task), task, &compat);
	*ret_key = (__u64)(__u32)bpf_get_current_pid_tgid();
	return call_is_change(call) ? call_operation(call) : RECORD_OPEN;
}

static __always_inline struct change *change_begun(__u64 key, const struct scope *scope,
                                                   __u32 operation)
{
	struct change *change = bpf_map_lookup_elem(&changes, &key);
	__u32 zero = 0;

	if (change)
		return change;
	change = bpf_map_lookup_elem(&change_template, &zero);
	if (!change || bpf_map_update_elem(&changes, &key, change, BPF_NOEXIST))
		return 0;
	change = bpf_map_lookup_elem(&changes, &key);
	if (!change)
		return 0;
	change->slot = scope->slot;
	change->generation = scope->generation;
	change->operation = operation;
	return change;
}

static __always_inline struct dentry *dentry_of_alias(struct hlist_node *node)
{
	return node ? (void *)node - bpf_core_field_offset(struct dentry, d_u.d_alias) : 0;
}

static __always_inline struct dentry *next_name(struct dentry *dentry)
{
	return dentry_of_alias(BPF_CORE_READ(dentry, d_u.d_alias.next));
}

static __always_inline struct dentry *first_name(struct inode *inode)
{
	return dentry_of_alias(BPF_CORE_READ(inode, i_dentry.first));
}

/* What goes through the loops. */
struct change_step {
	struct change *change;
	struct file_scratch *scratch;
	struct inode *inode;
	struct dentry *dentry;
	__u32 user; /* of the scratch buffer */
	__u32 slot;
	__u32 lost;
	__u32 at; /* index of a name */
	__s32 result;
	__u32 flags;
};

static __always_inline struct found_path change_path(const struct change_step *step,
                                                     struct dentry *dentry)
{
	/* An overlay does not set the change time of a file that is linked, only that of the file
	 * in its upper layer, which has the same names. */
	int upper = changes_by_time && step->change->operation == RECORD_LINK;
	__u32 how = step->user | (upper ? NAME_OF_UPPER : 0);

	return found_path_of(name_find(step->slot, how, (__u64)dentry, 0));
}

static __always_inline int is_directory(__u32 mode)
{
	return (mode & NAMES_S_IFMT) == NAMES_S_IFDIR;
}

static __always_inline void changed_name_fill(struct changed_name *name, struct inode *inode,
                                              struct dentry *dentry)
{
	name->inode = inode;
	name->dentry = dentry;
	name->parent = dentry ? BPF_CORE_READ(dentry, d_parent) : 0;
	name->hash = dentry ? BPF_CORE_READ(dentry, d_name.hash) : 0;
	name->ino = BPF_CORE_READ(inode, i_ino);
	name->generation = BPF_CORE_READ(inode, i_generation);
	name->mode = BPF_CORE_READ(inode, i_mode);
	name->links = BPF_CORE_READ(inode, i_nlink);
	name->device = BPF_CORE_READ(inode, i_sb, s_dev);
	name->text = name->size = 0;
	name->flags = name->watch = 0;
}

static __always_inline void changed_name_add(struct change_step *step, struct dentry *dentry)
{
	struct change *change = step->change;
	struct found_path path = {};
	struct changed_name *name;
	__u64 count, used, size;

	if (dentry) {
		path = change_path(step, dentry);
		if (!path.visible)
			return;
	}
	count = change->count;
	asm volatile("" : "+r"(count));
	if (count >= CHANGES_NAMES_MAX) {
		step->lost++;
		return;
	}
	asm volatile("" : "+r"(count));
	name = &change->names[count & (CHANGES_NAMES_MAX - 1)]; /* as in bounded() */
	changed_name_fill(name, step->inode, dentry);
	change->count = (__u32)count + 1;
	if (!dentry)
		return;
	name->flags = path.flags;
	name->watch = path.watch;
	used = bounded(change->used, CHANGES_TEXT_MAX);
	size = name_copy(step->scratch, &path, change->text + used);
	name->text = (__u16)used;
	name->size = (__u16)size;
	change->used = (__u32)(used + size);
	if (change->used > CHANGES_TEXT_MAX) {
		change->used = CHANGES_TEXT_MAX;
		if (used + size > CHANGES_TEXT_MAX + RECORD_PATH_MAX)
			name->flags |= RECORD_CUT;
	}
}

static long changed_alias_step(__u32 index, void *context)
{
	struct change_step *step = context;

	if (!step->dentry)
		return 1;
	if (index == CHANGES_ALIASES_MAX) {
		step->lost++;
		return 1;
	}
	changed_name_add(step, step->dentry);
	step->dentry = next_name(step->dentry);
	return 0;
}

/* Is the inode written down, with what is to be known of it now? */
static __always_inline int change_knows(const struct change *change, const struct inode *inode,
                                        const struct dentry *name)
{
#pragma unroll
	for (__u32 i = 0; i < CHANGES_NAMES_MAX; i++)
		if (i < change->count && change->names[i].inode == inode &&
		    (change->names[i].dentry || !name))
			return 1;
	return 0;
}

static __always_inline int change_has_name(const struct change *change, const struct dentry *dentry)
{
#pragma unroll
	for (__u32 i = 0; i < CHANGES_NAMES_MAX; i++)
		if (i < change->count && change->names[i].dentry == dentry)
			return 1;
	return 0;
}

/* Writes down the names of the inode; without one, the name that is about to be given. */
static __always_inline int change_touches(struct inode *inode, struct dentry *given)
{
	struct change_step step = {.inode = inode};
	struct task_struct *task;
	struct scope *scope;
	__u32 operation;
	__u64 key;

	if (!depth_count)
		return 0;
	task = bpf_get_current_task_btf();
	operation = change_in_progress(task, &key);
	scope = operation != RECORD_OPEN ? scope_of_task() : 0;
	if (!scope)
		return 0;
	step.change = change_begun(key, scope, operation);
	step.user = FILE_SCRATCH_CHANGE;
	step.scratch = file_scratch_get(FILE_SCRATCH_CHANGE);
	step.slot = scope->slot;
	if (!step.change || !step.scratch) {
		count_lost(scope->slot, RECORD_CHANGE);
		return 0;
	}
	step.dentry = inode ? first_name(inode) : 0;
	if (inode ? change_knows(step.change, inode, step.dentry)
	          : change_has_name(step.change, given))
		return 0;
	if (!inode)
		changed_name_add(&step, given);
	else if (step.dentry)
		bpf_loop(CHANGES_ALIASES_MAX + 1, changed_alias_step, &step, 0);
	else
		changed_name_add(&step, 0);
	if (step.lost)
		count_lost(scope->slot, RECORD_CHANGE);
	return 0;
}

/* Three places of the kernel set a change time; which one depends on the file system and on whether
 * somebody has looked at the time. */
SEC("tp_btf/inode_set_ctime_to_ts")
int BPF_PROG(on_ctime_set, struct inode *inode)
{
	return change_touches(inode, 0);
}

SEC("tp_btf/ctime_ns_xchg")
int BPF_PROG(on_ctime_exchange, struct inode *inode)
{
	return change_touches(inode, 0);
}

SEC("tp_btf/ctime_xchg_skip")
int BPF_PROG(on_ctime_same, struct inode *inode)
{
	return change_touches(inode, 0);
}

/* The end of a call. ------------------------------------------------------------------------ */

static __always_inline void change_emit(struct change_step *step, enum record_role role,
                                        __u32 flags, __u32 watch, __u64 size)
{
	struct change *change = step->change;
	struct scope scope = {.slot = change->slot, .generation = change->generation};
	struct record_file *record = &step->scratch->record;

	fill_current(&record->header, RECORD_CHANGE, &scope);
	record->header.flags =
	        (__u8)(flags | step->flags | (watch == WATCH_CRED ? RECORD_CRED : 0));
	record->dfd = FILES_AT_FDCWD;
	record->open_flags = 0;
	record->result = step->result;
	record->name_size = 0;
	record->operation = (__u8)change->operation;
	record->role = (__u8)role;
	record->reserved = 0;
	record->path_size = (__u16)size;
	size = bounded(size, RECORD_PATH_MAX);
	if (watch == WATCH_CRED)
		emit(&priority_ring, &record->header, sizeof(*record) + size);
	else
		emit(&file_ring, &record->header, sizeof(*record) + size);
}

/* Of a directory that is moved the user space looks at what lies below. */
static __always_inline int change_matters(const struct changed_name *name, __u32 watch, __u32 role)
{
	return watch != WATCH_NO || name->flags & RECORD_CUT ||
	       (role == RECORD_ROLE_MOVED && is_directory(name->mode));
}

/* What was written down when the change time was set. */
static __always_inline void change_emit_old(struct change_step *step,
                                            const struct changed_name *name, enum record_role role)
{
	__u64 size = bounded(name->size, RECORD_PATH_MAX);
	__u64 text = bounded(name->text, CHANGES_TEXT_MAX);

	struct scope scope = {.slot = step->change->slot, .generation = step->change->generation};

	if (!change_matters(name, name->watch, role))
		return;
	if (role >= RECORD_ROLE_SOURCE && name->watch != WATCH_NO && !is_directory(name->mode))
		alias_add(&scope, name->ino, name->device, name->watch == WATCH_CRED);
	step->scratch->record.inode = name->ino;
	step->scratch->record.mode = name->mode;
	step->scratch->record.links = name->links;
	step->scratch->record.device = name->device;
	bpf_probe_read_kernel(step->scratch->text, (__u32)size, step->change->text + text);
	change_emit(step, role, name->flags, name->watch, size);
}

/* What the name is called now. */
static __always_inline void change_emit_new(struct change_step *step,
                                            const struct changed_name *name, struct dentry *dentry,
                                            int moved)
{
	struct found_path path = change_path(step, dentry);
	__u64 size;

	if (!path.visible ||
	    !change_matters(name, path.watch, moved ? RECORD_ROLE_MOVED : RECORD_ROLE_MADE))
		return;
	fill_inode(&step->scratch->record, name->inode);
	size = name_copy(step->scratch, &path, step->scratch->text);
	change_emit(step, RECORD_ROLE_MADE, path.flags, path.watch, size);
}

/* A call that gives names adds them in front of the list: up to the first that was there before. */
static __always_inline void change_finish_new(struct change_step *step,
                                              const struct changed_name *name)
{
	struct dentry *dentry = first_name(name->inode);

	for (__u32 i = 0; i < CHANGES_ALIASES_MAX; i++) {
		if (!dentry || change_has_name(step->change, dentry))
			return;
		if (!name->dentry || step->change->operation == RECORD_LINK)
			change_emit_new(step, name, dentry, 0);
		dentry = next_name(dentry);
	}
}

static __always_inline int is_same_inode(const struct changed_name *name)
{
	struct inode *inode = name->inode;

	return BPF_CORE_READ(inode, i_ino) == name->ino &&
	       BPF_CORE_READ(inode, i_generation) == name->generation;
}

static __always_inline int is_attribute_change(__u32 operation)
{
	return operation >= RECORD_TRUNCATE;
}

static __always_inline void change_finish_old(struct change_step *step, struct changed_name *name)
{
	struct dentry *dentry = name->dentry;
	__u32 operation = step->change->operation;
	int alive = BPF_CORE_READ(dentry, d_inode) == name->inode && is_same_inode(name) &&
	            BPF_CORE_READ(dentry, d_hash.pprev) != 0;

	if (alive && (BPF_CORE_READ(dentry, d_parent) != name->parent ||
	              BPF_CORE_READ(dentry, d_name.hash) != name->hash)) {
		change_emit_old(step, name, RECORD_ROLE_MOVED);
		change_emit_new(step, name, dentry, 1);
	} else if (is_attribute_change(operation)) {
		change_emit_old(step, name, RECORD_ROLE_CHANGED);
	} else if (operation == RECORD_UNLINK && !alive) {
		change_emit_old(step, name, RECORD_ROLE_TAKEN);
	} else if (operation == RECORD_LINK && !is_directory(name->mode)) {
		change_emit_old(step, name, RECORD_ROLE_SOURCE);
	}
}

/* The call has given the name: told as it was asked for, as not every file system keeps it. A
 * function of its own, without loops around it: see the stack in path.bpf.h. */
__attribute__((noinline)) int change_finish_given(__u32 user, __u64 key, __u32 index, __s32 result,
                                                  __u32 flags)
{
	struct change_step step = {.user = user, .result = result, .flags = flags};
	struct changed_name *name;
	struct dentry *dentry;
	struct inode *inode;
	__u64 at = index;

	step.scratch = file_scratch_get(user);
	step.change = bpf_map_lookup_elem(&changes, &key);
	if (!step.change || !step.scratch)
		return 0;
	asm volatile("" : "+r"(at));
	name = &step.change->names[at & (CHANGES_NAMES_MAX - 1)];
	dentry = name->dentry;
	inode = BPF_CORE_READ(dentry, d_inode);
	name->ino = BPF_CORE_READ(inode, i_ino);
	name->mode = BPF_CORE_READ(inode, i_mode);
	name->links = BPF_CORE_READ(inode, i_nlink);
	name->device = BPF_CORE_READ(dentry, d_sb, s_dev);
	change_emit_old(&step, name, RECORD_ROLE_MADE);
	return 0;
}

/* One of the names that were written down, as above. */
__attribute__((noinline)) int change_finish_name(__u32 user, __u64 key, __u32 index, __s32 result,
                                                 __u32 flags)
{
	struct change_step step = {.user = user, .result = result, .flags = flags};
	struct changed_name *name;
	__u64 at = index;

	step.scratch = file_scratch_get(user);
	step.change = bpf_map_lookup_elem(&changes, &key);
	asm volatile("" : "+r"(at));
	if (!step.change || !step.scratch || at >= CHANGES_NAMES_MAX)
		return 0;
	step.slot = step.change->slot;
	name = &step.change->names[at & (CHANGES_NAMES_MAX - 1)];
	if (name->dentry)
		change_finish_old(&step, name);
	/* New names of an inode, once for each inode. */
	if (name->dentry && step.change->operation != RECORD_LINK)
		return 0;
	if (at && step.change->names[(at - 1) & (CHANGES_NAMES_MAX - 1)].inode == name->inode)
		return 0;
	change_finish_new(&step, name);
	return 0;
}

/* 1 if something was written down for the call. */
static __always_inline int change_finish(__u32 user, __u64 key, __s32 result, __u32 flags)
{
	struct change *change = bpf_map_lookup_elem(&changes, &key);

	if (!change)
		return 0;
#pragma unroll
	for (__u32 i = 0; i < CHANGES_NAMES_MAX; i++) {
		if (result < 0 || i >= change->count)
			break;
		if (change->names[i].inode)
			(void)change_finish_name(user, key, i, result, flags);
		else
			(void)change_finish_given(user, key, i, result, flags);
	}
	bpf_map_delete_elem(&changes, &key);
	return 1;
}

/* What security modules are asked, before Linux 6.13. --------------------------------------------
 */

static __always_inline int change_asked(struct dentry *dentry)
{
	struct dentry *given = 0;

	if (!depth_count)
		return 0;
	/* For the verifier a number, as functions take it, and not the argument. */
	bpf_probe_read_kernel(&given, sizeof(given), &dentry);
	return change_touches(BPF_CORE_READ(given, d_inode), given);
}

SEC("fentry/security_inode_rename")
int BPF_PROG(on_rename, void *from, struct dentry *dentry, void *to, struct dentry *target)
{
	if (BPF_CORE_READ(target, d_inode))
		(void)change_asked(target);
	return change_asked(dentry);
}

SEC("fentry/security_inode_link")
int BPF_PROG(on_link, struct dentry *dentry, void *directory, struct dentry *link)
{
	(void)change_asked(dentry);
	return change_asked(link);
}

SEC("fentry/security_inode_symlink")
int BPF_PROG(on_symlink, void *directory, struct dentry *dentry)
{
	return change_asked(dentry);
}

SEC("fentry/security_inode_mkdir")
int BPF_PROG(on_mkdir, void *directory, struct dentry *dentry)
{
	return change_asked(dentry);
}

SEC("fentry/security_inode_mknod")
int BPF_PROG(on_mknod, void *directory, struct dentry *dentry)
{
	return change_asked(dentry);
}

SEC("fentry/security_inode_unlink")
int BPF_PROG(on_unlink, void *directory, struct dentry *dentry)
{
	return change_asked(dentry);
}

SEC("fentry/security_inode_rmdir")
int BPF_PROG(on_rmdir, void *directory, struct dentry *dentry)
{
	return change_asked(dentry);
}

SEC("fentry/security_inode_setattr")
int BPF_PROG(on_setattr, void *map, struct dentry *dentry)
{
	return change_asked(dentry);
}

SEC("fentry/security_inode_setxattr")
int BPF_PROG(on_setxattr, void *map, struct dentry *dentry)
{
	return change_asked(dentry);
}

SEC("fentry/security_inode_removexattr")
int BPF_PROG(on_removexattr, void *map, struct dentry *dentry)
{
	return change_asked(dentry);
}

#endif
