// SPDX-License-Identifier: Apache-2.0
// The attacker of the corpus: every name below .test is one address, which serves a script on HTTP,
// and takes whatever comes on the other ports.
//
//   node attacker.mjs ADDRESS
import { createSocket } from 'node:dgram';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

const [address] = process.argv.slice(2);
const A = 1;

for (const port of [80, 8000]) {
  createHttpServer((request, response) => {
    request.resume();
    response.end('#!/bin/sh\nexit 0\n');
  }).listen(port, address);
}

for (const port of [443, 4444]) {
  createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end());
    setTimeout(() => socket.end(), 500);
  }).listen(port, address);
}

// A question is answered with the address when it asks for one, else with nothing.
function answer(query) {
  let end = 12;
  while (query[end]) end += query[end] + 1;
  const question = query.subarray(12, end + 5);
  const record = query.readUInt16BE(end + 1) === A
    ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
    : Buffer.alloc(0);
  const header = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, record.length ? 1 : 0,
    0, 0, 0, 0]);
  return Buffer.concat([header, question, record]);
}

const names = createSocket('udp4');
names.on('message', (query, from) => names.send(answer(query), from.port, from.address));
names.bind(53, address);
