// SPDX-License-Identifier: Apache-2.0
/*
 * What the sensor saw: one event, in memory. All text is borrowed (from a kernel record, a bus
 * message or a request body) and may hold any bytes.
 *
 * Three forms exist: this struct; the compact bus form (event_codec.h, docs/events.proto); and the
 * verbose JSON of the /v1 edge (event_wire.h), which is also what `events.data` in the database
 * looks like, without its byte arrays.
 */
#ifndef FANGS_MODEL_EVENT_H
#define FANGS_MODEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "model/run_id.h"

/* Numbers are the /v1 wire's; 6 and up are ours and never travel to a foreign server. */
enum event_type {
	EVENT_UNKNOWN = 0,
	EVENT_FILE = 1,
	EVENT_EXEC = 2,
	EVENT_CONNECT = 3,
	EVENT_DNS = 4,
	EVENT_TLS = 5,
	EVENT_TYPE_COUNT,
};
/* "file_access", "exec", "net_connect", "dns_query", "tls_sni", "unknown"; static. */
const char *event_type_name(enum event_type type);

/* Who did it. */
enum actor { ACTOR_UNKNOWN, ACTOR_MANAGER, ACTOR_PACKAGE };
const char *actor_name(enum actor actor); /* "unknown", "manager", "package" */
bool actor_parse(struct view text, enum actor *ret);

enum event_tag { EVENT_TAG_INTERESTING = 1, EVENT_TAG_CRED = 2 };

enum {
	EVENT_ANCESTORS_MAX = 5,
	EVENT_ARGV_MAX = 64,
	EVENT_TEXT_MAX = 4096,         /* longest path, name or argument kept */
	EVENT_PAYLOAD_MAX = 64 * 1024, /* largest payload of an unknown type */
};

struct event_ancestor {
	uint32_t pid, ppid;
	struct view comm;
	uint64_t start_ns; /* 0 unknown */
};

struct event_process {
	uint64_t ts_ns; /* kernel monotonic clock */
	uint64_t cgroup_id;
	uint64_t start_ns; /* start of the process, 0 unknown: pid + start_ns identify it */
	uint32_t pid, tid, ppid, uid, gid; /* of the host's pid namespace */
	struct view comm;
	uint8_t tags; /* enum event_tag */
	enum actor actor;
	struct view package; /* for which it acts, where that is known */
};

/* What was done to a file. All but open and stat change it without an open. */
enum file_operation {
	FILE_OPEN,
	FILE_RENAME, /* one event for each name, and one that reads the old one */
	FILE_LINK,   /* hard link: one event for the new name, and one that reads the old one */
	FILE_SYMLINK,
	FILE_UNLINK, /* rmdir, too */
	FILE_MKDIR,
	FILE_MKNOD, /* devices, pipes, sockets */
	FILE_TRUNCATE,
	FILE_CHMOD,
	FILE_CHOWN,
	FILE_UTIMES,
	FILE_XATTR,
	FILE_STAT, /* its name was asked for (stat, access, readlink): neither opened nor changed */
	FILE_OPERATION_COUNT,
};
const char *file_operation_name(enum file_operation operation); /* "open", "rename", ... */
bool file_operation_parse(struct view text, enum file_operation *ret);

struct event_file {
	int32_t dfd, flags; /* open(2) flags; of a change those of an open that would do the same */
	struct view path;
	bool truncated;
	int32_t result; /* descriptor or -errno; INT32_MIN unknown */
	enum file_operation operation;
};

struct event_exec {
	struct view path;
	struct view argv[EVENT_ARGV_MAX];
	size_t argc; /* of argv as captured */
	bool argv_truncated;
	struct event_ancestor ancestors[EVENT_ANCESTORS_MAX]; /* 0: parent */
	size_t ancestor_count;
	int32_t result; /* 0, or -errno of an attempt that failed */
};

enum { EVENT_CONNECT_SYSCALL = 1, EVENT_CONNECT_KPROBE = 2 };

struct event_connect {
	uint8_t family; /* AF_INET 2, AF_INET6 10; of another interface: AF_* of the socket, or 0 */
	uint8_t source;
	uint8_t protocol; /* IPPROTO_*, 0 unknown */
	uint16_t port;
	uint32_t fd;
	uint8_t address[16]; /* IPv4 in the first four bytes */
	/* Not empty: no destination, but another way into the kernel, used or tried: "raw:<n>",
	 * "packet", "vsock", "netlink:<n>", "alg", "xdp", "family:<n>", "ip:<n>" (a socket),
	 * "io_uring", "32-bit", "x32" (calls), "sigsys" (killed for a call that seccomp forbids),
	 * "process_vm_readv", "process_vm_writev", "ptrace", "pidfd_getfd" (into another process),
	 * "unix:<path>", "unix:@<name>" (a connect, or a datagram).
	 */
	struct view interface;
	struct view name; /* DNS name that led to the address in this run; a hint, no proof */
	int32_t result;   /* 1: done, -errno: failed, 0: not known */
};

struct event_dns {
	uint8_t family;
	uint16_t port;
	uint8_t server[16];
	struct view query; /* the packet, as captured */
	struct view name;  /* labels joined by '.'; empty when parse_failed */
	uint16_t qtype;
	bool parse_failed;
	bool response; /* came from the server: `query` is its packet */
	/* Of a response, in order, a space between: addresses, targets of CNAMEs, "TYPE<n>". */
	struct view answers;
};

enum event_tls_protocol { EVENT_TLS_OVER_TCP, EVENT_TLS_OVER_QUIC };

enum { EVENT_TLS_LIBSSL = 1, EVENT_TLS_NODE = 2, EVENT_TLS_CLIENTHELLO = 3 };

struct event_tls {
	uint8_t source;
	struct view sni;
	struct view raw;          /* ClientHello bytes when it could not be parsed */
	struct view duplicate_of; /* source of the event that this one repeats; "" for a first */
	bool parse_failed;
	bool ech; /* an encrypted ClientHello is inside: `sni` is only the front's */
	enum event_tls_protocol protocol;
	/* Not empty: "host:port" that a proxy at the destination was asked for. `sni` is that host,
	 * or, of the hello that then went through, the name in it. */
	struct view tunnel;
	uint8_t family; /* of the destination; 0: not known */
	uint16_t port;
	uint8_t address[16];
};

struct event {
	/* EVENT_UNKNOWN also for a payload that does not have the shape of its type: it is kept as
	 * it came, and wire_type says what it was meant to be. */
	enum event_type type;
	uint8_t wire_type; /* as received; equals type unless EVENT_UNKNOWN */
	struct event_process process;
	union {
		struct event_file file;
		struct event_exec exec;
		struct event_connect connect;
		struct event_dns dns;
		struct event_tls tls;
		struct view unknown; /* the payload as JSON text */
	};
};

/* The value of `events.type`: named by what was sent, also when its payload was not understood. */
const char *event_row_type(const struct event *event);

/* "1.2.3.4", RFC 5952 for IPv6, a v4-mapped address as dotted quad, "" for other families. */
enum { EVENT_IP_TEXT_MAX = 48 };
void event_format_ip(uint8_t family, const uint8_t address[16], char text[EVENT_IP_TEXT_MAX]);

/* The reverse. A dotted quad is IPv4, unless `*family` says AF_INET6: then the mapped form. False,
 * nothing changed, when `text` is no address. */
bool event_parse_ip(struct view text, uint8_t *family, uint8_t address[16]);

#endif
