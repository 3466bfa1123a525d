// SPDX-License-Identifier: Apache-2.0
// What many packages do after their installation: look around and say hello.
const fs = require('node:fs');
fs.readFileSync(`${__dirname}/package.json`, 'utf8');
console.log('delta-demo is ready');
