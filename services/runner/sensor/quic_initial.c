// SPDX-License-Identifier: Apache-2.0
#include "quic_initial.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cleanup.h"

enum {
	QUIC_LONG = 0x80,
	QUIC_TYPE_SHIFT = 4,
	QUIC_TYPE_MASK = 3,
	QUIC_NUMBER_MAX = 4, /* bytes of a packet number */
	QUIC_SAMPLE_SIZE = 16,
	QUIC_HEADER_BITS = 0x0f, /* of a long header's first byte: protected */
	QUIC_SECRET_SIZE = 32,
	QUIC_SALT_SIZE = 20,
	QUIC_LABEL_MAX = 64,
};

enum {
	QUIC_FRAME_PADDING = 0,
	QUIC_FRAME_PING = 1,
	QUIC_FRAME_ACK = 2,
	QUIC_FRAME_ACK_ECN = 3,
	QUIC_FRAME_CRYPTO = 6,
	QUIC_FRAME_CLOSE = 0x1c,
};

enum quic_type { QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_RETRY };

static const struct quic_version {
	uint32_t version;
	uint8_t salt[QUIC_SALT_SIZE];
	const char *key, *iv, *header; /* labels */
	enum quic_type types[4];       /* by their bits */
} versions[] = {
        {QUIC_VERSION_1,
         {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
          0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
         "quic key",
         "quic iv",
         "quic hp",
         {QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_RETRY}},
        {QUIC_VERSION_2,
         {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
          0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
         "quicv2 key",
         "quicv2 iv",
         "quicv2 hp",
         {QUIC_RETRY, QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE}},
};

static const struct quic_version *version_of(uint32_t version)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
		if (versions[i].version == version)
			return &versions[i];
	return NULL;
}

/* Reading. ---------------------------------------------------------------------------------- */

struct quic_cursor {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static struct quic_cursor cursor_on(struct view bytes)
{
	return (struct quic_cursor){(const uint8_t *)bytes.data, bytes.size, false};
}

static struct view take(struct quic_cursor *cursor, uint64_t size)
{
	struct view taken = {0};

	if (cursor->bad || size > cursor->left) {
		cursor->bad = true;
		return taken;
	}
	taken = view_of(cursor->at, (size_t)size);
	cursor->at += size;
	cursor->left -= (size_t)size;
	return taken;
}

static uint64_t take_number(struct quic_cursor *cursor, unsigned size)
{
	struct view bytes = take(cursor, size);
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.size; i++)
		value = value << 8 | (uint8_t)bytes.data[i];
	return value;
}

/* The first two bits say how many bytes there are. */
static uint64_t take_varint(struct quic_cursor *cursor)
{
	static const uint64_t masks[] = {0x3f, 0x3fff, 0x3fffffff, UINT64_C(0x3fffffffffffffff)};
	unsigned power = cursor->left ? *cursor->at >> 6 & 3U : 0;

	return take_number(cursor, 1U << power) & masks[power];
}

static struct view take_id(struct quic_cursor *cursor)
{
	uint64_t size = take_number(cursor, 1);

	if (size > QUIC_ID_MAX)
		cursor->bad = true;
	return take(cursor, size);
}

/* Packets. ---------------------------------------------------------------------------------- */

int quic_packet_next(struct view *datagram, struct quic_packet *ret)
{
	struct quic_cursor cursor = cursor_on(*datagram);
	const struct quic_version *version;
	enum quic_type type;
	uint8_t first = (uint8_t)take_number(&cursor, 1);
	uint64_t size;

	if (datagram->size == 0 || !(first & QUIC_LONG))
		return 0;
	*ret = (struct quic_packet){.version = (uint32_t)take_number(&cursor, 4)};
	version = version_of(ret->version);
	if (!version)
		return -1;
	ret->destination = take_id(&cursor);
	(void)take_id(&cursor);
	type = version->types[first >> QUIC_TYPE_SHIFT & QUIC_TYPE_MASK];
	if (type == QUIC_RETRY)
		return 0; /* only servers send it, and nothing follows */
	ret->is_initial = type == QUIC_INITIAL;
	if (ret->is_initial)
		(void)take(&cursor, take_varint(&cursor)); /* token */
	size = take_varint(&cursor);
	ret->number_at = datagram->size - cursor.left;
	(void)take(&cursor, size);
	if (cursor.bad)
		return -1;
	ret->bytes = view_of(datagram->data, datagram->size - cursor.left);
	*datagram = view_of(cursor.at, cursor.left);
	return 1;
}

/* Keys. ------------------------------------------------------------------------------------- */

/* HKDF-Expand-Label of RFC 8446 with an empty context, for at most one block. */
static bool expand(const uint8_t secret[QUIC_SECRET_SIZE], const char *label, uint8_t *ret,
                   size_t size)
{
	static const char prefix[] = "tls13 ";
	uint8_t info[QUIC_LABEL_MAX], block[QUIC_SECRET_SIZE];
	size_t used = 0, label_size = strlen(label);

	info[used++] = 0;
	info[used++] = (uint8_t)size;
	info[used++] = (uint8_t)(sizeof(prefix) - 1 + label_size);
	memcpy(info + used, prefix, sizeof(prefix) - 1);
	used += sizeof(prefix) - 1;
	memcpy(info + used, label, label_size);
	used += label_size;
	info[used++] = 0; /* context */
	info[used++] = 1; /* first block */
	if (!HMAC(EVP_sha256(), secret, QUIC_SECRET_SIZE, info, used, block, NULL))
		return false;
	memcpy(ret, block, size);
	return true;
}

bool quic_keys_derive(const struct quic_packet *packet, struct quic_keys *ret)
{
	const struct quic_version *version = version_of(packet->version);
	uint8_t initial[QUIC_SECRET_SIZE], client[QUIC_SECRET_SIZE];

	return version &&
	       HMAC(EVP_sha256(), version->salt, QUIC_SALT_SIZE,
	            (const uint8_t *)packet->destination.data, packet->destination.size, initial,
	            NULL) &&
	       expand(initial, "client in", client, sizeof(client)) &&
	       expand(client, version->key, ret->key, sizeof(ret->key)) &&
	       expand(client, version->iv, ret->iv, sizeof(ret->iv)) &&
	       expand(client, version->header, ret->header, sizeof(ret->header));
}

/* Protection. ------------------------------------------------------------------------------- */

static void cipher_free(EVP_CIPHER_CTX *cipher)
{
	EVP_CIPHER_CTX_free(cipher);
}
DEFINE_AUTO(cipher, EVP_CIPHER_CTX *, cipher_free)

static bool header_mask(const struct quic_keys *keys, const uint8_t sample[QUIC_SAMPLE_SIZE],
                        uint8_t ret[QUIC_SAMPLE_SIZE])
{
	AUTO(cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int size = 0;

	return cipher &&
	       EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), NULL, keys->header, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(cipher, 0) == 1 &&
	       EVP_EncryptUpdate(cipher, ret, &size, sample, QUIC_SAMPLE_SIZE) == 1 &&
	       size == QUIC_SAMPLE_SIZE;
}

/* RFC 9000 A.3: the number nearest to the expected one that ends like this. */
static uint64_t full_number(uint64_t truncated, unsigned bytes, uint64_t largest)
{
	uint64_t expected = largest + 1, window = UINT64_C(1) << (8 * bytes);
	uint64_t candidate = (expected & ~(window - 1)) | truncated;

	if (candidate + window / 2 <= expected)
		return candidate + window;
	if (candidate > expected + window / 2 && candidate >= window)
		return candidate - window;
	return candidate;
}

struct quic_sealed {
	uint8_t first;      /* byte of the header */
	struct view middle; /* the header's rest, up to the number */
	uint8_t number[QUIC_NUMBER_MAX];
	size_t number_size;
	struct view body; /* with its tag */
};

static bool unmask(const struct quic_packet *packet, const struct quic_keys *keys,
                   struct quic_sealed *ret)
{
	const uint8_t *bytes = (const uint8_t *)packet->bytes.data;
	size_t body_at = packet->number_at + QUIC_NUMBER_MAX;
	uint8_t mask[QUIC_SAMPLE_SIZE];

	if (packet->bytes.size < body_at + QUIC_SAMPLE_SIZE ||
	    !header_mask(keys, bytes + body_at, mask))
		return false;
	ret->first = bytes[0] ^ (mask[0] & QUIC_HEADER_BITS);
	ret->middle = view_of(bytes + 1, packet->number_at - 1);
	ret->number_size = (ret->first & 3U) + 1;
	for (size_t i = 0; i < ret->number_size; i++)
		ret->number[i] = bytes[packet->number_at + i] ^ mask[i + 1];
	body_at = packet->number_at + ret->number_size;
	ret->body = view_of(bytes + body_at, packet->bytes.size - body_at);
	return ret->body.size > QUIC_TAG_SIZE && ret->body.size - QUIC_TAG_SIZE <= QUIC_PLAIN_MAX;
}

static bool add_header(EVP_CIPHER_CTX *cipher, const struct quic_sealed *sealed)
{
	int size = 0;

	return EVP_DecryptUpdate(cipher, NULL, &size, &sealed->first, 1) == 1 &&
	       EVP_DecryptUpdate(cipher, NULL, &size, (const uint8_t *)sealed->middle.data,
	                         (int)sealed->middle.size) == 1 &&
	       EVP_DecryptUpdate(cipher, NULL, &size, sealed->number, (int)sealed->number_size) ==
	               1;
}

static bool decrypt(const struct quic_sealed *sealed, const struct quic_keys *keys,
                    const uint8_t nonce[QUIC_IV_SIZE], struct quic_plain *ret)
{
	AUTO(cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	size_t size = sealed->body.size - QUIC_TAG_SIZE;
	uint8_t tag[QUIC_TAG_SIZE];
	int written = 0, rest = 0;

	memcpy(tag, sealed->body.data + size, sizeof(tag));
	ret->size = size;
	return cipher &&
	       EVP_DecryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, keys->key, nonce) == 1 &&
	       add_header(cipher, sealed) &&
	       EVP_DecryptUpdate(cipher, ret->frames, &written, (const uint8_t *)sealed->body.data,
	                         (int)size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) == 1 &&
	       EVP_DecryptFinal_ex(cipher, ret->frames + written, &rest) == 1;
}

bool quic_packet_open(const struct quic_packet *packet, const struct quic_keys *keys,
                      uint64_t largest, struct quic_plain *ret)
{
	struct quic_sealed sealed;
	uint8_t nonce[QUIC_IV_SIZE];
	uint64_t number = 0;

	if (!unmask(packet, keys, &sealed))
		return false;
	for (size_t i = 0; i < sealed.number_size; i++)
		number = number << 8 | sealed.number[i];
	number = full_number(number, (unsigned)sealed.number_size, largest);
	memcpy(nonce, keys->iv, sizeof(nonce));
	for (size_t i = 0; i < sizeof(number); i++)
		nonce[QUIC_IV_SIZE - 1 - i] ^= (uint8_t)(number >> (8 * i));
	ret->number = number;
	return decrypt(&sealed, keys, nonce, ret);
}

/* Frames. ----------------------------------------------------------------------------------- */

static void skip_ack(struct quic_cursor *cursor, uint64_t type)
{
	uint64_t ranges;

	(void)take_varint(cursor); /* largest */
	(void)take_varint(cursor); /* delay */
	ranges = take_varint(cursor);
	(void)take_varint(cursor);
	for (uint64_t i = 0; i < ranges && !cursor->bad; i++) {
		(void)take_varint(cursor);
		(void)take_varint(cursor);
	}
	for (unsigned i = 0; type == QUIC_FRAME_ACK_ECN && i < 3; i++)
		(void)take_varint(cursor);
}

static void skip_close(struct quic_cursor *cursor)
{
	(void)take_varint(cursor); /* code */
	(void)take_varint(cursor); /* frame */
	(void)take(cursor, take_varint(cursor));
}

int quic_crypto_next(struct view *frames, struct quic_crypto *ret)
{
	struct quic_cursor cursor = cursor_on(*frames);

	while (cursor.left && !cursor.bad) {
		uint64_t type = take_varint(&cursor);

		if (type == QUIC_FRAME_PADDING || type == QUIC_FRAME_PING)
			continue;
		if (type == QUIC_FRAME_CRYPTO) {
			ret->offset = take_varint(&cursor);
			ret->data = take(&cursor, take_varint(&cursor));
			*frames = view_of(cursor.at, cursor.left);
			return cursor.bad ? -1 : 1;
		}
		if (type == QUIC_FRAME_ACK || type == QUIC_FRAME_ACK_ECN)
			skip_ack(&cursor, type);
		else if (type == QUIC_FRAME_CLOSE)
			skip_close(&cursor);
		else
			cursor.bad = true;
	}
	*frames = (struct view){0};
	return cursor.bad ? -1 : 0;
}
