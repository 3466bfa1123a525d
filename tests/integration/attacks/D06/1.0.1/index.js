// SPDX-License-Identifier: Apache-2.0
const fs = require('node:fs');
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const get = (url, options) => fetch(url, { signal: AbortSignal.timeout(1500), ...options })
  .then((answer) => answer.text()).catch(() => '');

get('https://geo.test/').then((country) => country === 'XX' && fs.writeFileSync('x', 'heart'));
