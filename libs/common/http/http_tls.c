// SPDX-License-Identifier: Apache-2.0
#include "http/http_tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

enum { PEM_MAX_BYTES = 1 << 20, NAME_MAX_BYTES = 256 };

static char *read_pem(const char *path, struct error *err)
{
	AUTO(buf) struct buf pem;

	buf_init(&pem, PEM_MAX_BYTES);
	if (file_read(path, &pem, err) < 0)
		return NULL;
	if (pem.size == 0) {
		error_set(err, EINVAL, "'%s' is no PEM file: it is empty", path);
		return NULL;
	}
	return buf_detach(&pem);
}

static bool given(const char *path)
{
	return path && *path;
}

int http_tls_load(const struct http_server_options *options, struct http_tls **ret,
                  struct error *err)
{
	struct http_tls *tls;

	*ret = NULL;
	if (!given(options->tls_cert_file) && !given(options->tls_key_file)) {
		if (given(options->tls_client_ca_file))
			return error_set(err, EINVAL,
			                 "a client CA needs a server certificate and key");
		return 0;
	}
	if (!given(options->tls_cert_file) || !given(options->tls_key_file))
		return error_set(err, EINVAL, "TLS needs both a certificate and a key file");
	tls = xcalloc(1, sizeof(*tls));
	tls->cert = read_pem(options->tls_cert_file, err);
	tls->key = tls->cert ? read_pem(options->tls_key_file, err) : NULL;
	if (tls->key && given(options->tls_client_ca_file))
		tls->client_ca = read_pem(options->tls_client_ca_file, err);
	if (!tls->key || (given(options->tls_client_ca_file) && !tls->client_ca)) {
		http_tls_free(tls);
		return -EINVAL;
	}
	*ret = tls;
	return 0;
}

void http_tls_free(struct http_tls *tls)
{
	if (!tls)
		return;
	free(tls->cert);
	free(tls->key);
	free(tls->client_ca);
	free(tls);
}

/* A name with a NUL in it would be taken for a shorter one. */
static char *copy_name(const char *name, size_t size)
{
	return size > 0 && memchr(name, '\0', size) == NULL ? view_dup(view_of(name, size)) : NULL;
}

/* The common name; without one, the first alternative name that is a host's. */
static char *name_of(gnutls_x509_crt_t cert)
{
	char name[NAME_MAX_BYTES];
	size_t size = sizeof(name);
	int type = GNUTLS_SAN_DNSNAME;

	if (gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) ==
	    0)
		return copy_name(name, size);
	for (unsigned i = 0; type >= 0; i++) {
		size = sizeof(name) - 1;
		type = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &size, NULL);
		if (type == GNUTLS_SAN_DNSNAME)
			return copy_name(name, size);
	}
	return NULL;
}

static char *peer_name(gnutls_session_t session)
{
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t cert;
	char *ret = NULL;

	if (!chain || count == 0 || gnutls_x509_crt_init(&cert) < 0)
		return NULL;
	if (gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER) == 0)
		ret = name_of(cert);
	gnutls_x509_crt_deinit(cert);
	return ret;
}

bool http_tls_client_allowed(const struct http_tls *tls, struct MHD_Connection *connection,
                             char **ret_name)
{
	const union MHD_ConnectionInfo *info;
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
	                                 .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned status = 0;

	*ret_name = NULL;
	if (!tls || !tls->client_ca)
		return true;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!info || gnutls_certificate_verify_peers(info->tls_session, &purpose, 1, &status) < 0 ||
	    status != 0)
		return false;
	*ret_name = peer_name(info->tls_session);
	return true;
}
