// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The records that the kernel side puts into the rings, and the values of the maps that both sides
 * touch. Included by the BPF object and by the sensor library: fixed widths, explicit padding,
 * sizes asserted on both sides.
 *
 * Every record begins with struct record_header. Text and payload stand behind the struct, without
 * a gap, and end the record; sizes inside a record are checked by the reader against the length
 * that the ring states.
 */
#ifndef FANGS_BPF_RECORDS_H
#define FANGS_BPF_RECORDS_H

#include <linux/types.h>

enum {
	RECORD_RUNS_MAX = 64,      /* runs at once; size of `scopes` and of `counters` */
	RECORD_SCOPE_HINTS = 1024, /* a power of two */
	RECORD_STRANGERS = 256,    /* cgroups of no run that are remembered; a power of two */
	RECORD_DEPTHS_MAX = 4,     /* different depths of run cgroups at once */
	RECORD_COMM_SIZE = 16,
	RECORD_PATH_MAX = 4096, /* a longer path is cut at its front and flagged */
	RECORD_ARGV_MAX = 8192, /* a longer argument area is cut at its end */
	RECORD_ALIASES_MAX =
	        16384, /* files with a watched name that got another one, of all runs */
	RECORD_OPENED_MAX = 131072, /* different opens of one run that are remembered */
	RECORD_PROGRAM_MAX = 32,    /* of a run's first program, with the NUL */
	RECORD_PREFIX_MAX = 252,    /* of a watched path, as compared in the kernel */
};

enum record_kind {
	RECORD_FILE = 1,    /* an open that succeeded */
	RECORD_FILE_FAILED, /* an open or change that failed, path as given by the process */
	RECORD_CHANGE,      /* a name that was made, taken away or whose file was changed */
	RECORD_EXEC,
	RECORD_EXEC_FAILED,
	RECORD_FORK,
	RECORD_EXIT,
	RECORD_CONNECT,   /* connect, or first send to a destination */
	RECORD_DATAGRAM,  /* UDP payload that may be DNS or QUIC */
	RECORD_SEGMENT,   /* TCP payload of a stream that may be TLS or DNS */
	RECORD_CONNECTED, /* how a connect ended */
	RECORD_INTERFACE, /* a way into the kernel that is not a connection: see record_interface */
	RECORD_KIND_COUNT,
};

enum record_flag {
	RECORD_CRED = 1,       /* the longest watched prefix is credential-tagged */
	RECORD_CUT = 2,        /* text or payload is incomplete */
	RECORD_OUTSIDE = 4,    /* the path does not reach the process's root */
	RECORD_DETACHED = 8,   /* no place in a tree (memfd, unlinked): text is a bare name */
	RECORD_PROC_SELF = 16, /* the path is below the process's own /proc/<pid> */
	RECORD_IO_URING = 32,
	RECORD_COMPAT = 64,   /* 32-bit call */
	RECORD_NO_TASK = 128, /* a packet: pid, tid, start_ns from the socket's owner, rest empty */
};

struct record_header {
	__u8 kind;
	__u8 flags;
	__u16 slot;       /* of the run */
	__u32 generation; /* of the slot: tells late records of an earlier run */
	__u64 ts_ns;
	__u64 start_ns; /* of the process (thread group leader), monotonic clock */
	__u64 cgroup_id;
	__u32 pid, tid, ppid; /* host's pid namespace */
	__u32 uid, gid;
	__u32 reserved;
	char comm[RECORD_COMM_SIZE];
};
_Static_assert(sizeof(struct record_header) == 72, "record_header");

/* What was done: 0 of an open. In the order of enum file_operation of the event model. */
enum record_operation {
	RECORD_OPEN,
	RECORD_RENAME,
	RECORD_LINK,
	RECORD_SYMLINK,
	RECORD_UNLINK,
	RECORD_MKDIR,
	RECORD_MKNOD,
	RECORD_TRUNCATE,
	RECORD_CHMOD,
	RECORD_CHOWN,
	RECORD_UTIMES,
	RECORD_XATTR,
	RECORD_STAT, /* looked at by its name only: stat, access, readlink */
};

/* What a change did to the path that a RECORD_CHANGE names. */
enum record_role {
	RECORD_ROLE_NONE,
	RECORD_ROLE_MADE,    /* the name is new, or names another file than before */
	RECORD_ROLE_CHANGED, /* the file below the name was changed */
	RECORD_ROLE_TAKEN,   /* the name is gone */
	/* The file has another name from now on, too (link). Of a RECORD_FILE: it had a watched
	 * name once; inode and device are those of the record that told so. */
	RECORD_ROLE_SOURCE,
	RECORD_ROLE_MOVED, /* the file has another name from now on (rename) */
};

/* RECORD_FILE, RECORD_CHANGE: the text is the path. RECORD_FILE_FAILED, RECORD_EXEC_FAILED: it is
 * the directory that a relative name starts from (empty for an absolute name), then the name as
 * given. */
struct record_file {
	struct record_header header;
	__s32 dfd;
	__s32 open_flags;
	__s32 result; /* descriptor or -errno */
	__u32 mode;   /* of the inode */
	__u64 inode;
	__u32 device;
	__u32 links;
	__u16 path_size;
	__u16 name_size;
	__u8 operation; /* enum record_operation */
	__u8 role;      /* enum record_role */
	__u16 reserved;
};
_Static_assert(sizeof(struct record_file) == 112, "record_file");

/* Text: path of the program that runs (for a script: its interpreter); the script's name as given
 * or nothing; the working directory for a relative script name or nothing; the argument area; the
 * package's name of the environment (npm_package_name) or nothing. */
struct record_exec {
	struct record_header header;
	__u32 argv_total; /* bytes of the argument area before cutting */
	__u16 path_size;
	__u16 name_size;
	__u16 base_size;
	__u16 argv_size;
	__u32 links; /* 0: deleted or memfd */
	__u16 package_size;
	__u16 reserved[3];
};
_Static_assert(sizeof(struct record_exec) == 96, "record_exec");

/* The header describes the child. */
struct record_fork {
	struct record_header header;
	__u64 parent_start_ns;
};
_Static_assert(sizeof(struct record_fork) == 80, "record_fork");

struct record_exit {
	struct record_header header;
	__u32 exit_code; /* as of wait(2): status << 8 | signal */
	__u32 reserved;
};
_Static_assert(sizeof(struct record_exit) == 80, "record_exit");

struct record_address {
	__u8 address[16];
	__u16 port;    /* host order */
	__u8 family;   /* AF_INET 2, AF_INET6 10 */
	__u8 protocol; /* IPPROTO_*; MPTCP is TCP */
	__u32 reserved;
};
_Static_assert(sizeof(struct record_address) == 24, "record_address");

struct record_connect {
	struct record_header header;
	__u64 cookie;
	struct record_address to;
};
_Static_assert(sizeof(struct record_connect) == 104, "record_connect");

struct record_connected {
	struct record_header header;
	__u64 cookie; /* 0: of this thread's last connect */
	__s32 result; /* 0 or -errno */
	__u32 reserved;
};
_Static_assert(sizeof(struct record_connected) == 88, "record_connected");

enum record_interface_kind {
	RECORD_INTERFACE_SOCKET,   /* a socket that is neither TCP, UDP, UNIX nor routing netlink */
	RECORD_INTERFACE_IO_URING, /* io_uring_setup */
	RECORD_INTERFACE_COMPAT,   /* the first 32-bit call of a process */
	RECORD_INTERFACE_X32,      /* the first x32 call of a process */
	RECORD_INTERFACE_KILLED,   /* a thread was killed by SIGSYS: for a call that is forbidden */
	/* Into another process: the first of each, and the first that succeeded. */
	RECORD_INTERFACE_VM_READ,
	RECORD_INTERFACE_VM_WRITE,
	RECORD_INTERFACE_PTRACE,
	RECORD_INTERFACE_PIDFD_GETFD,
	RECORD_INTERFACE_UNIX,      /* a connect to a UNIX socket */
	RECORD_INTERFACE_UNIX_SEND, /* a datagram to one by name; how that ended is not known */
	RECORD_INTERFACE_KIND_COUNT,
};

/* Text, of UNIX sockets: the path where the listener is bound; or the name as given (an abstract
 * one begins with a NUL), before it, if it is relative, the directory that it starts from. */
struct record_interface {
	struct record_header header;
	__u32 kind;                   /* enum record_interface_kind */
	__s32 result;                 /* of the call */
	__u32 family, type, protocol; /* as given to socket(2) */
	__u32 call;                   /* its number */
	__u16 path_size;
	__u16 name_size;
	__u32 reserved;
};
_Static_assert(sizeof(struct record_interface) == 104, "record_interface");

/* Smallest of these that holds a payload is reserved in the ring. */
enum {
	RECORD_PAYLOAD_TINY = 64,
	RECORD_PAYLOAD_SMALL = 512,
	RECORD_PAYLOAD_MEDIUM = 2048,
	RECORD_PAYLOAD_LARGE = 16384,
};

struct record_payload {
	struct record_header header;
	__u64 cookie;             /* of the socket; RECORD_INGRESS set: of what it receives */
	struct record_address to; /* the other end */
	__u32 offset;             /* RECORD_SEGMENT: of the first byte in the stream */
	__u32 size;               /* bytes of payload in the record */
	__u32 total;              /* bytes that were sent */
	__u16 segment_size;       /* RECORD_DATAGRAM: several datagrams of this size; 0: one */
	__u16 purpose;            /* enum record_purpose */
};
_Static_assert(sizeof(struct record_payload) == 120, "record_payload");

/* In the cookie of a payload that came in: the two directions of a socket are two streams. */
#define RECORD_INGRESS (1ULL << 63)

enum record_purpose {
	RECORD_PURPOSE_NONE,
	RECORD_PURPOSE_DNS,      /* to a DNS port: bytes that do not parse are an event */
	RECORD_PURPOSE_DNS_LIKE, /* looked like it on another port: silence if it is not */
	RECORD_PURPOSE_TLS,
	RECORD_PURPOSE_QUIC,  /* a long header of a known version, or what claims to be one */
	RECORD_PURPOSE_PROXY, /* may ask a proxy for a way through it: what goes through follows */
};

/* Values and keys of maps. ------------------------------------------------------------------ */

struct scope { /* value of `scopes`, key: cgroup id of a run's parent cgroup */
	__u32 slot;
	__u32 generation;
};

struct watch_key {         /* of `watches`, a longest-prefix-match trie */
	__u32 prefix_bits; /* 32 for the slot and 8 for each byte of the path */
	__u32 slot;
	char path[RECORD_PREFIX_MAX];
};
_Static_assert(sizeof(struct watch_key) == 260, "watch_key");

/* Where names of files begin: a root and its mount namespace. Kernel addresses, compared only. */
struct run_root {
	__u64 dentry, mount, space;
};
_Static_assert(sizeof(struct run_root) == 24, "run_root");

struct home {                 /* of a run: value of `homes`, index: slot */
	struct run_root root; /* of the process that ran its first program; dentry 0: none yet */
	char first_program[RECORD_PROGRAM_MAX]; /* empty: not known */
};
_Static_assert(sizeof(struct home) == 56, "home");

struct opened_key {     /* of the run's map of opens: what makes an open a repeat of another */
	__u64 start_ns; /* of the process */
	__u64 inode;
	__u64 dentry; /* address: hard links are files of their own here */
	__u32 pid;
	__u32 device;
	__u32 name;  /* the kernel's hash of name and directory: changes with a rename */
	__u32 flags; /* of the open, those that tell what is meant to be done */
};
_Static_assert(sizeof(struct opened_key) == 40, "opened_key");

/* A file that had a watched name when it got another one: key of `aliases`, whose value is 1 for a
 * credential. */
struct alias_key {
	__u64 inode;
	__u32 device;
	__u32 slot;
	__u32 generation;
	__u32 reserved;
};
_Static_assert(sizeof(struct alias_key) == 24, "alias_key");

enum opened_state { OPENED_LOST, OPENED_TOLD };

struct run_counters {                  /* per CPU, index: slot */
	__u64 lost[RECORD_KIND_COUNT]; /* by kind: ring full */
	__u64 unreadable;              /* names of failed calls that could not be read */
	__u64 repeats;                 /* opens that say nothing new, and were not told */
	__u64 unaggregated;            /* opens told again, because the map of opens is full */
	__u64 flows_unknown;           /* TLS-like payload of a stream whose start was not kept */
};

struct flow {           /* value of `flows`, key: socket cookie */
	__u32 base_seq; /* TCP sequence number of the stream's first byte */
	__u16 purpose;  /* enum record_purpose */
	__u16 state;    /* enum flow_state */
};

enum flow_state { FLOW_NEW, FLOW_CAPTURED, FLOW_IGNORED };

#endif
