// SPDX-License-Identifier: Apache-2.0
/* DNS messages, both ways. */
#include "decode.h"
#include "dns_answer.h"

enum { PACKET_PORT_DNS = 53, DNS_FLAGS_AT = 2, DNS_FLAG_RESPONSE = 0x80 };

static void dns_event_init(struct run_decoder *decoder, const struct decode_packet *from,
                           struct view message, struct event *ret)
{
	*ret = (struct event){.type = EVENT_DNS, .wire_type = EVENT_DNS};
	decode_packet_process(decoder, from->header, &ret->process);
	ret->dns.family = from->to->family;
	ret->dns.port = from->to->port;
	memcpy(ret->dns.server, from->to->address, sizeof(ret->dns.server));
	ret->dns.query = decode_text(message);
	ret->dns.response = from->cookie & RECORD_INGRESS;
}

static void emit_bad_dns(struct run_decoder *decoder, struct event *event)
{
	event->dns.parse_failed = true;
	decoder->stats.parse_failed++;
	decode_emit(decoder, event);
}

void decode_dns_bad(struct run_decoder *decoder, const struct decode_packet *from,
                    struct view message)
{
	struct event event;

	dns_event_init(decoder, from, message, &event);
	emit_bad_dns(decoder, &event);
}

static bool all_questions_read(struct view message)
{
	struct dns_question question;
	struct dns_reader reader;
	int r;

	if (!dns_reader_init(&reader, message))
		return false;
	while ((r = dns_reader_next(&reader, &question)) > 0)
		;
	return r == 0;
}

/* True when all questions read well. */
static bool emit_questions(struct run_decoder *decoder, const struct decode_packet *from,
                           struct dns_reader *reader, struct event *event)
{
	uint16_t id =
	        (uint16_t)((uint8_t)reader->packet.data[0] << 8 | (uint8_t)reader->packet.data[1]);
	struct dns_question question;
	int r;

	while ((r = dns_reader_next(reader, &question)) > 0) {
		event->dns.name = view_of(question.name, question.name_size);
		event->dns.qtype = question.type;
		resolver_asked(&decoder->resolver, from->cookie, id, event->dns.name);
		decode_emit(decoder, event);
	}
	event->dns.name = (struct view){0};
	return r == 0;
}

static void dns_query(struct run_decoder *decoder, const struct decode_packet *from,
                      struct view message)
{
	struct dns_reader reader;
	struct event event;

	if (from->purpose == RECORD_PURPOSE_DNS_LIKE && !all_questions_read(message))
		return;
	dns_event_init(decoder, from, message, &event);
	if (dns_reader_init(&reader, message)) {
		if (!emit_questions(decoder, from, &reader, &event))
			emit_bad_dns(decoder, &event);
	} else if (from->to->port == PACKET_PORT_DNS) {
		/* On the multicast ports responses are ordinary. */
		emit_bad_dns(decoder, &event);
	}
}

static bool is_response(struct view message)
{
	return message.size > DNS_FLAGS_AT &&
	       (uint8_t)message.data[DNS_FLAGS_AT] & DNS_FLAG_RESPONSE;
}

static void dns_response(struct run_decoder *decoder, const struct decode_packet *from,
                         struct view message)
{
	struct dns_answer *answer = &decoder->answer;
	struct event event;

	if (!dns_answer_read(message, answer)) {
		/* On the multicast ports others' queries come in. */
		if (from->purpose == RECORD_PURPOSE_DNS &&
		    (from->to->port == PACKET_PORT_DNS || is_response(message)))
			decode_dns_bad(decoder, from, message);
		return;
	}
	dns_event_init(decoder, from, message, &event);
	event.dns.name = view_of(answer->question.name, answer->question.name_size);
	event.dns.qtype = answer->question.type;
	event.dns.answers = decode_text(view_of(answer->text, answer->text_size));
	resolver_answered(&decoder->resolver, from->cookie & ~RECORD_INGRESS, from->to,
	                  event.process.actor, answer);
	decode_emit(decoder, &event);
}

void decode_dns(struct run_decoder *decoder, const struct decode_packet *from, struct view message)
{
	if (from->cookie & RECORD_INGRESS)
		dns_response(decoder, from, message);
	else
		dns_query(decoder, from, message);
}
