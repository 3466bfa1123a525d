// SPDX-License-Identifier: Apache-2.0
// Requests to the gateway; failures are errors whose message may be shown.

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
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
