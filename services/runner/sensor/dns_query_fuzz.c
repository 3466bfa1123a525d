// SPDX-License-Identifier: Apache-2.0
#include "dns_query.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question question;
	struct dns_reader reader;

	if (!dns_reader_init(&reader, view_of(data, size)))
		return 0;
	while (dns_reader_next(&reader, &question) > 0)
		if (question.name_size > DNS_NAME_MAX || question.name[question.name_size] != '\0')
			abort();
	return 0;
}
