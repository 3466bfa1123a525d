# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154 # the variables of scripts/quickstart, which sources this file
# The demo: a watched package is harmless in 1.0.0 and hostile in 1.0.1.

registry_port=4874
webhook_port=18089

bridge_address() {
	docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}' | grep . ||
		ip -4 -o address show docker0 | sed 's/.* inet \([0-9.]*\).*/\1/'
}

start_neighbours() {
	say "starting a local npm registry, an attacker at $attacker and a webhook receiver"
	if ! ip address show dev lo | grep -q "$attacker/32"; then
		ip address add "$attacker/32" dev lo
		touch "$data_dir/attacker-address"
	fi
	"$root/scripts/dev-registry" start "$data_dir/registry" "$registry_address" "$registry_port"
	: >"$data_dir/webhooks.ndjson"
	setsid node "$root/scripts/demo/servers.mjs" "$attacker" "$webhook_port" \
		"$data_dir/webhooks.ndjson" >"$data_dir/servers.log" 2>&1 </dev/null &
	note_pid "$data_dir/servers.pid" $!
}

publish() {
	say "publishing delta-demo@$1"
	"$root/scripts/dev-registry" publish "$data_dir/registry" "$root/scripts/demo/package-$1"
}

query() {
	psql -AtX "$database_url" -c "$1"
}

judged() {
	[ "$(query "SELECT phase FROM runs WHERE package_name = 'delta-demo' AND version = '$1'")" = judged ]
}

expect_judged() {
	wait_until 120 judged "$1" || {
		"$bin/fangs" run list --package delta-demo >&2
		tail -n 20 "$data_dir/fangs.log" >&2
		die "delta-demo@$1 was not judged within 120 s; see $data_dir/fangs.log"
	}
}

webhook_came() {
	grep -q '"package_name":"delta-demo"' "$data_dir/webhooks.ndjson"
}

# A demo starts from nothing: what an earlier one left is removed.
stop_all "$data_dir"
rm -rf "$data_dir/registry" "$data_dir/postgres" "$data_dir/fangs.log"
ensure_docker "$data_dir/dockerd.pid"
registry_address=$(bridge_address)
start_neighbours
publish 1.0.0
start_up --registry "http://$registry_address:$registry_port" --watcher-interval 2s \
	--sandbox-registry "http://$registry_address:$registry_port"
database_url=$("$bin/fangs" status -o json |
	sed -n 's/.*"database_url":[[:space:]]*"\([^"]*\)".*/\1/p')
curl -fsS -o /dev/null -X PUT http://127.0.0.1:8443/v1/notifiers/demo \
	-H 'Content-Type: application/json' \
	-d "{\"url\":\"http://127.0.0.1:$webhook_port/\",\"template\":\"generic\"}"
"$bin/fangs" package add delta-demo
expect_judged 1.0.0
"$bin/fangs" run list --package delta-demo
publish 1.0.1
expect_judged 1.0.1
wait_until 30 webhook_came || die "no webhook arrived; see $data_dir/fangs.log"

run=$(query "SELECT id FROM runs WHERE package_name = 'delta-demo' AND version = '1.0.1'")
echo
"$bin/fangs" run show "$run"
echo
"$bin/fangs" pending
echo
echo "webhook:   $(head -c 160 "$data_dir/webhooks.ndjson")..."
echo "topic:     $(query "SELECT count(*) FROM bus_messages WHERE topic = 'deviations'") messages on deviations"
echo "dashboard: http://127.0.0.1:8443/ui/#/runs/$run"
echo "accept:    fangs baseline promote $(echo "$run" | cut -c1-12)"
echo "stop with: scripts/quickstart --stop"

categories=$(query "SELECT count(DISTINCT category) FROM deviations WHERE run_id = '$run'")
key=$(query "SELECT severity FROM deviations WHERE run_id = '$run' AND value = '/root/.ssh/id_rsa'")
echo
[ "$categories" = 6 ] || die "only $categories of the 6 kinds of deviation were found"
[ "$key" = crit ] || die "the read of the SSH key is '$key', not 'crit'"
echo "all six kinds of deviation were found, the read of the SSH key is crit"
