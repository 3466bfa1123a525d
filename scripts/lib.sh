# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the scripts that source this file
# What the scripts share: messages, packages, the build, the container engine. Sourced.

root=$(cd "$(dirname "$0")/.." && pwd)
bin=$root/build/release/bin

say() {
	echo "== $*" >&2
}

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# Debian packages: what builds FANGS, and what runs it.
build_packages="gcc make cmake ninja-build pkg-config git clang llvm bpftool libbpf-dev librdkafka-dev
libpq-dev libcurl4-openssl-dev libcjson-dev libssl-dev libmicrohttpd-dev libyaml-dev libcmocka-dev
linux-libc-dev"
run_packages="postgresql docker.io iproute2 iptables curl ca-certificates busybox-static procps"

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
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
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
	echo $! >"$1"
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

# stop_pid_file FILE [SECONDS]: ends the process that the file names, and waits for its end.
stop_pid_file() {
	[ -f "$1" ] || return 0
	pid=$(cat "$1")
	kill "$pid" 2>/dev/null || true
	deadline=$(($(date +%s) + ${2:-30}))
	while kill -0 "$pid" 2>/dev/null && [ "$(date +%s)" -lt "$deadline" ]; do
		sleep 0.1
	done
	rm -f "$1"
}
