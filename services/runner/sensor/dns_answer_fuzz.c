// SPDX-License-Identifier: Apache-2.0
#include "dns_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_answer answer;

	if (dns_answer_read(view_of(data, size), &answer) &&
	    (answer.text_size > DNS_ANSWERS_TEXT_MAX || answer.address_count > DNS_ADDRESSES_MAX ||
	     answer.question.name_size > DNS_NAME_MAX))
		abort();
	return 0;
}
