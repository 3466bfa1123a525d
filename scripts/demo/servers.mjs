// SPDX-License-Identifier: Apache-2.0
// The demo's two neighbours: an "attacker" that accepts connections and name queries and answers
// nothing useful, and a webhook receiver that keeps each body as a line of a file.
//
//   node servers.mjs ATTACKER_ADDRESS WEBHOOK_PORT WEBHOOK_FILE
import { createSocket } from 'node:dgram';
import { appendFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

const [attacker, webhookPort, webhookFile] = process.argv.slice(2);

createTcpServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', () => socket.end());
}).listen(443, attacker);

createSocket('udp4').bind(53, attacker);

createHttpServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    appendFileSync(webhookFile, `${Buffer.concat(pieces).toString().trim()}\n`);
    response.writeHead(204).end();
  });
}).listen(Number(webhookPort), '127.0.0.1');
