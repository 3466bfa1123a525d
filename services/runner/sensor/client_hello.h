// SPDX-License-Identifier: Apache-2.0
/*
 * The server name in a TLS ClientHello, from the first bytes of a stream. The hello may be spread
 * over any number of records, and the bytes may end anywhere: the parser then asks for more.
 */
#ifndef FANGS_SENSOR_CLIENT_HELLO_H
#define FANGS_SENSOR_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

enum {
	CLIENT_HELLO_NAME_MAX = 255,
	CLIENT_HELLO_MAX = 16384, /* handshake bytes looked at; a real one has 300 to 2000 */
};

enum client_hello_status {
	CLIENT_HELLO_MORE,    /* cut */
	CLIENT_HELLO_NAME,    /* `name` is set */
	CLIENT_HELLO_NO_NAME, /* complete, names no server */
	CLIENT_HELLO_BAD,     /* no ClientHello, or malformed */
};

struct client_hello {
	char name[CLIENT_HELLO_NAME_MAX + 1]; /* verbatim, any byte */
	size_t name_size;
	bool encrypted; /* an encrypted_client_hello extension: the name is only the front's */
};

/* `stream` from its first byte. All of the hello is read; if it is cut or malformed behind the
 * name,
 * `*ret` holds the name all the same. */
enum client_hello_status client_hello_parse(struct view stream, struct client_hello *ret);

/* The same without records, as QUIC carries it. */
enum client_hello_status client_hello_parse_bare(struct view handshake, struct client_hello *ret);

#endif
