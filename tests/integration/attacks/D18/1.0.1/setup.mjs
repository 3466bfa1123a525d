// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const answer = await fetch('http://releases.test/bun').then((a) => a.text()).catch(() => '');
writeFileSync('bun', answer, { mode: 0o755 });
writeFileSync('execution.js', '//'.padEnd(2_000_000, 'x'));
spawnSync('./bun', ['run', 'execution.js']);
