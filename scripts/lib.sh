# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the scripts that source this file
# What the scripts share: messages, packages, the build, the container engine. Sourced.

root=$(cd "$(dirname "$0")/.." && pwd)
bin=$root/build/release/bin

# A plain `su` keeps the caller's PATH, without the folders of the system's programs.
PATH=$PATH:/usr/sbin:/sbin
export PATH

say() {
	echo "== $*" >&2
}

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# Debian packages: what builds FANGS, and what runs it.
build_packages="gcc libc6-dev make cmake ninja-build pkg-config git clang llvm bpftool libbpf-dev
librdkafka-dev libpq-dev libcurl4-openssl-dev libcjson-dev libssl-dev libgnutls28-dev zlib1g-dev
libmicrohttpd-dev libyaml-dev libcmocka-dev linux-libc-dev"
# Without apparmor, Docker starts no container on a kernel that has AppArmor enabled, as Debian's.
run_packages="postgresql docker.io apparmor iproute2 iptables curl ca-certificates busybox-static
procps"

# Installs those of the named packages that are missing.
install_packages() {
	missing=
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing="$missing $package"
	done
	# Debian's node only where there is none: another one may have come from elsewhere.
	command -v npm >/dev/null || missing="$missing nodejs npm"
	[ -n "$missing" ] || return 0
	[ "$(id -u)" = 0 ] || die "these packages are missing; install them or run as root:$missing"
	say "installing:$missing"
	# A machine that just came up may be at its daily updates: wait for them.
	apt-get update -qq -o DPkg::Lock::Timeout=300 >&2
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold $missing </dev/null >&2
}

# build PRESET [TARGET...]
build() {
	preset=$1
	shift
	say "building ($preset)"
	(cd "$root" && cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" "$@") >&2
}

# Starts the container engine when it does not answer; its pid goes to the file $1.
ensure_docker() {
	docker info >/dev/null 2>&1 && return
	[ "$(id -u)" = 0 ] || die "the Docker daemon does not answer: start it, or run as root"
	say "starting dockerd"
	setsid dockerd >"$1.log" 2>&1 </dev/null &
	note_pid "$1" $!
	wait_until 60 docker info || die "dockerd does not come up; see $1.log"
}

# wait_until SECONDS COMMAND...: polls it, silently.
wait_until() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 0.2
	done
}

# A free port of 127.0.0.1, below those that the kernel gives to outgoing connections and those that
# the integration tests share out (tests/integration/harness/processes.py).
free_port() {
	python3 - <<-EOF
		import random, socket
		while True:
		    try:
		        with socket.socket() as probe:
		            probe.bind(("127.0.0.1", random.randrange(10000, 11000)))
		            print(probe.getsockname()[1])
		        break
		    except OSError:
		        pass
	EOF
}

# note_pid FILE PID: for a later call of these scripts. After a restart of the machine the number
# may be another process's, so the boot stands beside it.
note_pid() {
	echo "$2 $(cat /proc/sys/kernel/random/boot_id)" >"$1"
}

# running_pid FILE: the process that the file names; fails when that one does not run any more.
running_pid() {
	[ -f "$1" ] || return 1
	read -r noted_pid noted_boot <"$1" || return 1
	[ "$noted_boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 1
	kill -0 "$noted_pid" 2>/dev/null && echo "$noted_pid"
}

# stop_pid_file FILE [SECONDS]: ends the process that the file names, and waits for its end.
stop_pid_file() {
	if pid=$(running_pid "$1"); then
		kill "$pid" 2>/dev/null || true
		deadline=$(($(date +%s) + ${2:-30}))
		while running_pid "$1" >/dev/null && [ "$(date +%s)" -lt "$deadline" ]; do
			sleep 0.1
		done
		running_pid "$1" >/dev/null && say "process $pid does not end"
	fi
	rm -f "$1"
}
