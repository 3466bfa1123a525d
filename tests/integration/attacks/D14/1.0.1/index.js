// SPDX-License-Identifier: Apache-2.0
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

if (typeof window !== 'undefined' && window.ethereum) window.fetch('https://websocket-api.test/');
module.exports = () => 'useful';
