// SPDX-License-Identifier: Apache-2.0
// What happens, as it happens: the gateway's stream of server-sent events. By fetch() and not by
// EventSource, which cannot send a token. A stream that ends is taken up where it ended.
import { send } from './api.js';

const RECONNECT_MS = 2000;
const SILENT_MS = 40000; // the gateway says something every 15 s

// One block of lines as { event, data, id }; members that were not sent are undefined.
function readBlock(block) {
  const message = {};
  for (const line of block.split('\n')) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name) message[name] = value;
  }
  return message;
}

async function* readMessages(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const blocks = (text + value).split('\n\n');
    text = blocks.pop();
    yield* blocks.map(readBlock);
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Hidden pages hold no connection: browsers open only a few to one server.
function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', resolve, { once: true });
  }).then(visible);
}

// Calls take(event, item) for each change, and connected(true or false).
export async function follow(take, connected) {
  let lastId = '';
  let abort = null;
  document.addEventListener('visibilitychange', () => document.hidden && abort?.abort());

  async function listen() {
    abort = new AbortController();
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENT_MS);
    };
    try {
      heard();
      const headers = lastId ? { 'Last-Event-ID': lastId } : {};
      const response = await send('/v1/live', { headers, signal: abort.signal });
      if (response.status === 400) lastId = ''; // of a gateway that was replaced
      if (!response.ok) return;
      connected(true);
      for await (const message of readMessages(response.body, heard)) {
        if (message.data !== undefined) take(message.event, JSON.parse(message.data));
        lastId = message.id ?? lastId;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  for (;;) {
    await visible();
    await listen().catch(() => {});
    connected(false);
    await sleep(RECONNECT_MS);
  }
}
