// SPDX-License-Identifier: Apache-2.0
#include "http/http_body.h"

void http_body_init(struct http_body *body, struct http_budget *budget,
                    const struct http_route *route, const char *peer)
{
	size_t slot = view_hash(view_of_string(peer)) % HTTP_BUDGET_PEERS;

	body->charged_to = &budget->used_by_peer_bytes[slot];
	buf_init(&body->whole, route ? route->body_max_bytes : 0);
	body->max_bytes = body->whole.max;
	body->cut = route && (route->body_truncates || route->body_max_bytes == 0);
}

void http_body_begin(struct http_body *body, struct http_budget *budget,
                     const struct http_route *route, struct http_request *request)
{
	body->how = route->sink;
	if (!body->how)
		return;
	body->sink = body->how->begin(request);
	body->sinking = body->sink != NULL;
	if (body->overloaded)
		http_body_release(body, budget);
}

bool http_body_is_hopeless(const struct http_body *body, const char *content_length)
{
	uint64_t size;

	return !body->cut && content_length && view_to_u64(view_of_string(content_length), &size) &&
	       size > body->max_bytes + (uint64_t)HTTP_DRAIN_MAX_BYTES;
}

static void keep(struct http_body *body, struct http_budget *budget, struct view bytes)
{
	if (http_body_charge(body, budget, bytes.size))
		buf_append_view(&body->whole, bytes);
	else
		body->overloaded = true;
}

bool http_body_take(struct http_body *body, struct http_budget *budget, struct view bytes)
{
	size_t room =
	        body->received_bytes < body->max_bytes ? body->max_bytes - body->received_bytes : 0;
	struct view taken = view_of(bytes.data, bytes.size < room ? bytes.size : room);

	body->received_bytes += bytes.size;
	if (body->received_bytes > body->max_bytes + HTTP_DRAIN_MAX_BYTES && !body->cut)
		return false;
	if (taken.size < bytes.size && !body->cut)
		body->too_large = true;
	if (taken.size && !body->too_large && !body->overloaded) {
		if (body->sinking)
			body->how->take(body->sink, taken);
		else if (!body->how && !body->unwanted)
			keep(body, budget, taken);
	}
	if (body->too_large || body->overloaded)
		http_body_release(body, budget);
	return true;
}

static bool reserve(atomic_size_t *used, size_t bytes, size_t max)
{
	size_t before = atomic_fetch_add(used, bytes);

	if (before + bytes <= max && before + bytes >= before)
		return true;
	atomic_fetch_sub(used, bytes);
	return false;
}

bool http_body_charge(struct http_body *body, struct http_budget *budget, size_t bytes)
{
	if (!reserve(body->charged_to, bytes, budget->max_bytes / HTTP_BUDGET_PEER_PART))
		return false;
	if (!reserve(&budget->used_bytes, bytes, budget->max_bytes)) {
		atomic_fetch_sub(body->charged_to, bytes);
		return false;
	}
	atomic_fetch_add(&body->charged_bytes, bytes);
	return true;
}

void http_body_release(struct http_body *body, struct http_budget *budget)
{
	size_t charged;

	if (body->sinking) {
		body->sinking = false;
		body->how->release(body->sink);
		body->sink = NULL;
	}
	buf_release(&body->whole);
	charged = atomic_exchange(&body->charged_bytes, 0);
	if (!charged)
		return;
	atomic_fetch_sub(&budget->used_bytes, charged);
	atomic_fetch_sub(body->charged_to, charged);
}
