// SPDX-License-Identifier: Apache-2.0
const { spawnSync } = require('node:child_process');

spawnSync('npm', ['install', '--prefix', '/root/.node_modules', 'axios']);
