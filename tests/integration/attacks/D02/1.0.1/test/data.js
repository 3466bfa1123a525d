// SPDX-License-Identifier: Apache-2.0
module.exports = ['75d4c87f3f69e0fa292969072c49dff4'];
