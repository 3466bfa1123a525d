// SPDX-License-Identifier: Apache-2.0
/*
 * The evasion suite's helper: performs the techniques by which a package could try to act unseen,
 * E01 to E55 as far as a process without capabilities can, and checks each time whether it worked.
 *
 * Every technique has a name of its own ("E05-openat2"), from which its marker is made: a file, a
 * port, a host name or a program that nothing else touches. What the sensor must tell is therefore
 * known beforehand. It runs in a process of its own that has the technique's name.
 *
 * The markers stand in `directory` and are written by another process, which has the name
 * "preparer": what it does is not looked for.
 */
#ifndef FANGS_EVASION_H
#define FANGS_EVASION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { EVASION_TEXT_MAX = 512, EVASION_HELLO_MAX = 4096 };

/* What the sensor must report. */
enum marker {
	MARKER_READ,        /* an open of the file `value` for reading */
	MARKER_CHANGE,      /* a write, making, removal or change of the path `value` */
	MARKER_PROBE,       /* a failed open of the path `value` */
	MARKER_EXEC,        /* a program with the path `value` */
	MARKER_EXEC_FAILED, /* an attempt to run it */
	MARKER_ARGUMENT,    /* a program with the argument `value` */
	MARKER_CONNECT,     /* the destination `value` ("127.0.0.1:4711") */
	MARKER_DNS,         /* a query for the name `value` */
	MARKER_DNS_BROKEN,  /* an undecodable query, of this process */
	MARKER_TLS,         /* the server name `value` */
	MARKER_TLS_UNNAMED, /* a hello without a name, of this process */
	MARKER_TLS_BROKEN,  /* an undecodable hello, of this process */
	MARKER_INTERFACE,   /* another way into the kernel, `value` ("packet"), of this process */
	MARKER_COUNT,
};

struct attempt {               /* in memory shared with the process that makes it */
	const char *directory; /* of the markers */
	char id[64];
	char path[EVASION_TEXT_MAX];  /* of its file */
	char spare[EVASION_TEXT_MAX]; /* another name of its own, for links and the like */
	char value[EVASION_TEXT_MAX]; /* what the sensor must tell; the technique may change it */
	char host[256];               /* its name for DNS and TLS */
	uint16_t port;
};

struct technique {
	const char *id;
	enum marker marker;
	/* 0: it worked; else -errno. Runs in a process of its own. */
	int (*act)(struct attempt *attempt);
};

struct technique_list {
	const struct technique *rows;
	size_t count;
};

#define TECHNIQUE_LIST(rows)                                                                       \
	{                                                                                          \
		rows, sizeof(rows) / sizeof(*(rows))                                               \
	}

extern const struct technique_list file_techniques, ring_techniques, process_techniques,
        change_techniques, exec_techniques, network_techniques, name_techniques, swap_techniques,
        tls_techniques;

/* Files. ------------------------------------------------------------------------------------ */

/* 0 when the descriptor, which is closed, reads as the attempt's marker; `fd` may be -errno. */
int expect_content(const struct attempt *attempt, int fd);
int put_file(const char *path, const void *content, size_t size, mode_t mode);
int copy_file(const char *from, const char *to, mode_t mode);
int exists(const char *path); /* 0 or -errno */
int result_of(long r);        /* r, or -errno when it is -1 */
void set_value(struct attempt *attempt, const char *value);
/* From here on the process only prepares something: what it does is not looked for. */
void as_preparer(void);
/* In a child: 0 when `act` returned 0 there, else its negative return value. */
int in_child(int (*act)(void *ctx), void *ctx);

/* A 32-bit call from 64-bit code: -ENOSYS elsewhere. Pointers must come from low_memory(). */
long call32(long nr, long a, long b, long c, long d);
void *low_memory(size_t size);
char *low_text(const char *text);

/* io_uring, without a library. --------------------------------------------------------------- */

struct io_uring_sqe;
struct ring {
	int fd;
	unsigned flags;
	unsigned *sq_tail, *sq_mask, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};
int ring_make(struct ring *ring, unsigned setup_flags); /* 0 or -errno */
/* Submits one entry and waits for its result. */
int ring_do(struct ring *ring, const struct io_uring_sqe *entry);

/* Network. ---------------------------------------------------------------------------------- */

int listen_local(int family, int protocol, uint16_t port); /* descriptor or -errno */
int connect_local(int family, int protocol, uint16_t port);
/* A connected stream to a listener of its own on the attempt's port: both ends, or -errno. */
int stream_pair(uint16_t port, int ends[2]);
/* 0 when `end` receives exactly these bytes. */
int expect_bytes(int end, const void *bytes, size_t size);

size_t build_query(uint8_t *out, const char *name);

struct hello {
	uint8_t bytes[EVASION_HELLO_MAX];
	size_t size;
};
enum hello_shape { HELLO_PLAIN = 0, HELLO_UNNAMED = 1, HELLO_ECH = 2, HELLO_LARGE = 4 };
void build_hello(struct hello *hello, const char *name, unsigned shape);

#endif
