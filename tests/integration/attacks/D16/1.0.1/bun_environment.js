// SPDX-License-Identifier: Apache-2.0
// SHA1HULUD
