// SPDX-License-Identifier: Apache-2.0
/* The version with the libraries in use, for the first log line and bug reports. */
#include <curl/curl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>

#include "service/service.h"

/* Not every service has a database or a bus: weak, so that asking does not link them. */
extern int PQlibVersion(void) __attribute__((weak));
extern const char *rd_kafka_version_str(void) __attribute__((weak));

enum { VERSION_TEXT_MAX = 256, PG_MAJOR_UNIT = 10000 };

static char text[VERSION_TEXT_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void compose(void)
{
	char pq[32] = "";
	char kafka[64] = "";
	if (PQlibVersion) {
		int number = PQlibVersion(); /* 150014: 15.14 */
		(void)snprintf(pq, sizeof(pq), ", libpq %d.%d", number / PG_MAJOR_UNIT,
		               number % PG_MAJOR_UNIT);
	}
	if (rd_kafka_version_str)
		(void)snprintf(kafka, sizeof(kafka), ", librdkafka %s", rd_kafka_version_str());
	(void)snprintf(text, sizeof(text), "%s (libcurl %s, libmicrohttpd %s%s%s)", FANGS_VERSION,
	               curl_version_info(CURLVERSION_NOW)->version, MHD_get_version(), pq, kafka);
}

const char *service_version(void)
{
	(void)pthread_once(&once, compose);
	return text;
}
