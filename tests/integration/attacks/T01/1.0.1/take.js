// SPDX-License-Identifier: Apache-2.0
const fs = require('node:fs');
const read = (path) => { try { return fs.readFileSync(path, 'utf8'); } catch { return ''; } };

if (read('/root/.npmrc').length === 0) process.exitCode = 0;
