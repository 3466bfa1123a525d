// SPDX-License-Identifier: Apache-2.0

for (;;) process.stdout.write('LIBERTY');
