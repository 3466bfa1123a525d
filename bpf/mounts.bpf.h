// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * From a name of a file system to the mount through which a mount namespace shows it: what the
 * kernel knows of a change is an inode and its names, without a mount.
 */
#ifndef FANGS_BPF_MOUNTS_H
#define FANGS_BPF_MOUNTS_H

#include "kernel.bpf.h"
#include "path.bpf.h"

/* A mount namespace has at most 100000 mounts, unless the host was told otherwise. */
enum { MOUNTS_MAX = 1 << 18, MOUNTS_DEPTH_MAX = 512 };

struct mount_search {
	struct dentry *dentry;
	struct mount *mount; /* to be looked at next, or found */
	void *space;         /* the namespace */
	int found, exhausted;
};

struct mount_climb {
	struct dentry *at;
	struct dentry *stop; /* where it ends well; NULL: it has */
};

static long mount_climb_step(__u32 index, void *context)
{
	struct mount_climb *climb = context;
	struct dentry *at = climb->at, *parent;

	if (at == climb->stop) {
		climb->stop = 0;
		return 1;
	}
	parent = BPF_CORE_READ(at, d_parent);
	if (parent == at)
		return 1;
	climb->at = parent;
	return 0;
}

/* Is the dentry below `top`? */
static __always_inline int dentry_is_below(struct dentry *dentry, struct dentry *top)
{
	struct mount_climb climb = {.at = dentry, .stop = top};

	bpf_loop(MOUNTS_DEPTH_MAX, mount_climb_step, &climb, 0);
	return climb.stop == 0;
}

static __always_inline struct mount *mount_first(struct super_block *sb)
{
	struct super_block___list *old = (void *)sb;
	struct mount *mount = 0;

	if (bpf_core_field_exists(mount->mnt_next_for_sb))
		return BPF_CORE_READ(sb, s_mounts);
	return (void *)BPF_CORE_READ(old, s_mounts.next) -
	       bpf_core_field_offset(struct mount___list, mnt_instance);
}

static __always_inline struct mount *mount_next(struct mount *mount)
{
	struct mount___list *old = (void *)mount;

	if (bpf_core_field_exists(mount->mnt_next_for_sb))
		return BPF_CORE_READ(mount, mnt_next_for_sb);
	return (void *)BPF_CORE_READ(old, mnt_instance.next) -
	       bpf_core_field_offset(struct mount___list, mnt_instance);
}

static long mount_search_step(__u32 index, void *context)
{
	struct mount_search *search = *(struct mount_search **)context;
	struct dentry *dentry = search->dentry;
	struct mount *mount = search->mount;

	/* The end of a list, and what stands for it in the older form. */
	if (!mount || BPF_CORE_READ(mount, mnt.mnt_sb) != BPF_CORE_READ(dentry, d_sb)) {
		search->mount = 0;
		return 1;
	}
	if (BPF_CORE_READ(mount, mnt_ns) == search->space &&
	    dentry_is_below(dentry, BPF_CORE_READ(mount, mnt.mnt_root))) {
		search->found = 1;
		return 1;
	}
	search->mount = mount_next(mount);
	return 0;
}

/* search->dentry is set. */
static __always_inline void mount_search_start(struct mount_search *search, void *space)
{
	struct dentry *dentry = search->dentry;

	search->space = space;
	search->mount = mount_first(BPF_CORE_READ(dentry, d_sb));
	search->found = 0;
}

/* The root's mount if it is of an overlay that has the dentry in its upper layer, or NULL. */
static __always_inline struct mount *mount_of_upper(struct mount_search *search, struct mount *root)
{
	struct dentry *upper = overlay_upper(root);

	return upper && dentry_is_below(search->dentry, upper) ? root : 0;
}

/* The next mount of the namespace that shows the dentry, or NULL. */
static __always_inline struct mount *mount_search_next(struct mount_search *search)
{
	if (search->found)
		search->mount = mount_next(search->mount);
	search->found = 0;
	if (bpf_loop(MOUNTS_MAX, mount_search_step, &search, 0) == MOUNTS_MAX)
		search->exhausted = 1;
	return search->found ? search->mount : 0;
}

#endif
