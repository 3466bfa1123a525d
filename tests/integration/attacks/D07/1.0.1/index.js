// SPDX-License-Identifier: Apache-2.0
const fs = require('node:fs');

fs.writeFileSync('/root/Desktop/WITH-LOVE.txt', 'peace');
