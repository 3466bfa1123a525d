// SPDX-License-Identifier: Apache-2.0
#include "signature.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/hex.h"

enum {
	DIGEST_SIZE = 32, /* SHA-256 */
	KEY_MAX = 256,    /* decoded; longer secrets are used as they stand */
	PREFIX_MAX = 128, /* "<id>.<timestamp>." */
};

static const char secret_prefix[] = "whsec_";

static void hmac(struct view key, struct view message, unsigned char digest[DIGEST_SIZE])
{
	unsigned size = DIGEST_SIZE;
	/* Fails only when OpenSSL has no SHA-256 or no memory. */
	if (!HMAC(EVP_sha256(), key.data, (int)key.size, (const unsigned char *)message.data,
	          message.size, digest, &size))
		abort();
}

void signature_of_body(struct view secret, struct view body, char text[SIGNATURE_TEXT_MAX])
{
	unsigned char digest[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];

	hmac(secret, body, digest);
	hex_encode(digest, sizeof(digest), hex);
	(void)snprintf(text, SIGNATURE_TEXT_MAX, "sha256=%s", hex);
}

/* The key that a "whsec_" secret stands for; the secret itself for any other, or if it is no
 * base64. */
static struct view key_of(struct view secret, unsigned char decoded[KEY_MAX])
{
	size_t skip = sizeof(secret_prefix) - 1;
	if (!view_starts_with(secret, view_of(secret_prefix, skip)))
		return secret;

	struct view encoded = view_of(secret.data + skip, secret.size - skip);
	if (encoded.size == 0 || encoded.size % 4 != 0 || encoded.size / 4 * 3 > KEY_MAX)
		return secret;
	int size = EVP_DecodeBlock(decoded, (const unsigned char *)encoded.data, (int)encoded.size);
	/* The decoder counts the padding as zero bytes. */
	for (size_t i = encoded.size;
	     size > 0 && i > encoded.size - 2 && encoded.data[i - 1] == '='; i--)
		size--;
	return size > 0 ? view_of(decoded, (size_t)size) : secret;
}

void signature_standard(struct view secret, const char *id, int64_t timestamp_s, struct view body,
                        char text[SIGNATURE_TEXT_MAX])
{
	unsigned char decoded[KEY_MAX], digest[DIGEST_SIZE], encoded[DIGEST_SIZE * 2];
	AUTO(buf) struct buf message;

	buf_init(&message, body.size + PREFIX_MAX);
	buf_printf(&message, "%s.%" PRId64 ".", id, timestamp_s);
	buf_append_view(&message, body);
	hmac(key_of(secret, decoded), buf_view(&message), digest);
	(void)EVP_EncodeBlock(encoded, digest, DIGEST_SIZE);
	(void)snprintf(text, SIGNATURE_TEXT_MAX, "v1,%s", (const char *)encoded);
}
