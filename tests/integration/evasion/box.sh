#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command as inside a sandbox: an own network with nothing but loopback, user 1000, no
# capabilities and no way to get any. To be started by `unshare --net`.
set -eu
ip link set lo up
# As container engines set them.
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range
exec setpriv --reuid=1000 --regid=1000 --clear-groups --bounding-set=-all --inh-caps=-all \
	--no-new-privs "$@"
