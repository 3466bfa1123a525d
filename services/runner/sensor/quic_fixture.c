// SPDX-License-Identifier: Apache-2.0
#include "quic_fixture.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "hello_fixture.h"

enum { NUMBER_SIZE = 4, RECORD_HEADER = 5, SAMPLE_SIZE = 16, VARINT_2 = 0x4000 };

static size_t put(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	return size;
}

static size_t put_view(uint8_t *at, struct view bytes)
{
	if (bytes.size)
		memcpy(at, bytes.data, bytes.size);
	return bytes.size;
}

size_t quic_fixture_crypto(uint8_t *out, size_t offset, struct view data)
{
	size_t size = put(out, 6, 1);

	size += put(out + size, offset < 64 ? offset : offset | VARINT_2, offset < 64 ? 1 : 2);
	size += put(out + size, data.size | VARINT_2, 2);
	return size + put_view(out + size, data);
}

static size_t put_header(uint8_t *at, const struct quic_fixture *packet, size_t body)
{
	size_t size = put(at, packet->version == QUIC_VERSION_2 ? 0xd3 : 0xc3, 1);

	size += put(at + size, packet->version, 4);
	size += put(at + size, packet->destination.size, 1);
	size += put_view(at + size, packet->destination);
	size += put(at + size, 0, 1); /* no source id */
	size += put(at + size, packet->token.size, 1);
	size += put_view(at + size, packet->token);
	return size + put(at + size, (NUMBER_SIZE + body + QUIC_TAG_SIZE) | VARINT_2, 2);
}

static void check(int r)
{
	if (r != 1)
		abort();
}

static void seal(uint8_t *packet, size_t header, size_t body, const struct quic_keys *keys,
                 const uint8_t nonce[QUIC_IV_SIZE])
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int size = 0;

	check(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, keys->key, nonce));
	check(EVP_EncryptUpdate(cipher, NULL, &size, packet, (int)header));
	check(EVP_EncryptUpdate(cipher, packet + header, &size, packet + header, (int)body));
	check(EVP_EncryptFinal_ex(cipher, packet + header + size, &size));
	check(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, QUIC_TAG_SIZE,
	                          packet + header + body));
	EVP_CIPHER_CTX_free(cipher);
}

static void mask(uint8_t *packet, size_t number_at, const struct quic_keys *keys)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	uint8_t bits[2 * SAMPLE_SIZE];
	int size = 0;

	check(EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), NULL, keys->header, NULL));
	check(EVP_EncryptUpdate(cipher, bits, &size, packet + number_at + NUMBER_SIZE,
	                        SAMPLE_SIZE));
	EVP_CIPHER_CTX_free(cipher);
	packet[0] ^= bits[0] & 0x0f;
	for (size_t i = 0; i < NUMBER_SIZE; i++)
		packet[number_at + i] ^= bits[i + 1];
}

size_t quic_fixture_initial(uint8_t out[QUIC_FIXTURE_MAX], const struct quic_fixture *packet,
                            struct view frames, size_t size)
{
	const struct quic_packet keyed = {.version = packet->version,
	                                  .destination = packet->key_destination.size
	                                                         ? packet->key_destination
	                                                         : packet->destination};
	size_t body = frames.size < size ? size : frames.size;
	size_t number_at = put_header(out, packet, body), header;
	uint8_t nonce[QUIC_IV_SIZE];
	struct quic_keys keys;

	if (!quic_keys_derive(&keyed, &keys))
		abort();
	header = number_at + put(out + number_at, packet->number, NUMBER_SIZE);
	memset(out + header, 0, body);
	(void)put_view(out + header, frames);
	memcpy(nonce, keys.iv, sizeof(nonce));
	for (size_t i = 0; i < NUMBER_SIZE; i++)
		nonce[QUIC_IV_SIZE - NUMBER_SIZE + i] ^= out[number_at + i];
	seal(out, header, body, &keys, nonce);
	mask(out, number_at, &keys);
	return header + body + QUIC_TAG_SIZE;
}

size_t quic_fixture_hello(uint8_t *out, const char *name, size_t padding)
{
	uint8_t records[HELLO_FIXTURE_MAX];
	size_t size = hello_make(records, name, padding, 0) - RECORD_HEADER;

	memcpy(out, records + RECORD_HEADER, size);
	return size;
}
