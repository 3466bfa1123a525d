// SPDX-License-Identifier: Apache-2.0
// Requests to the gateway; failures are errors whose message may be shown.

import { askForToken, currentToken } from './token.js';

// The response to a request with the token, once there is one that the gateway knows.
export async function send(path, options = {}) {
  for (;;) {
    const token = currentToken();
    const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
    const response = await fetch(path, { ...options, headers });
    if (response.status !== 401) return response;
    await askForToken(token);
  }
}

async function request(path, options) {
  let response;
  try {
    response = await send(path, options);
  } catch {
    throw new Error('The gateway does not answer.');
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const error = new Error(body?.error ?? `The gateway answered ${response.status}.`);
  error.status = response.status;
  throw error;
}

export function getJson(path) {
  return request(path);
}

export function postJson(path, body) {
  return request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}
