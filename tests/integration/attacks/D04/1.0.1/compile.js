// SPDX-License-Identifier: Apache-2.0
const { spawn, spawnSync } = require('node:child_process');

if (process.platform === 'win32') spawn('cmd.exe', ['/c', 'compile.bat']);
else spawnSync('node', ['--version']);
