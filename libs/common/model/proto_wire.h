// SPDX-License-Identifier: Apache-2.0
/* Constants of the Protocol Buffers encoding. */
#ifndef FANGS_MODEL_PROTO_WIRE_H
#define FANGS_MODEL_PROTO_WIRE_H

enum proto_wire_type {
	PROTO_VARINT = 0,
	PROTO_FIXED64 = 1,
	PROTO_DELIMITED = 2,
	PROTO_FIXED32 = 5,
};

enum {
	PROTO_TYPE_BITS = 3, /* of a tag; the field's number is above them */
	PROTO_VARINT_BITS = 7,
	PROTO_MORE = 0x80, /* another byte of the varint follows */
	PROTO_VARINT_MAX = 10,
	PROTO_NUMBER_MAX = 536870911,
};

#endif
