# SPDX-License-Identifier: Apache-2.0
"""What the integration tests stand on: real servers and the real binaries, one module each."""
