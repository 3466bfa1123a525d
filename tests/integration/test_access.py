# SPDX-License-Identifier: Apache-2.0
"""Who may do what: tokens, certificates, roles, two listeners, the policy for scans."""
import json
import socket
import ssl
import subprocess
import warnings

import pytest
import requests

from harness.certificates import Authority
from harness.paths import BIN
from harness.postgres import query
from harness.processes import Process, free_port
from harness.wait import wait_for

RUN = "0000000000000000000000000000000a"
REGISTRATION = {"runner_id": "r1", "hostname": "h", "capabilities": ["sensor"],
                "kernel_version": "6.1", "proto_version": 1}
SANDBOX = {"image": "node:20-slim", "command": ["true"]}


class Gateway:
    """One fangs-api on a database, and a client for it."""

    def __init__(self, directory, database_url, *arguments, scheme="http", **options):
        self.database_url = database_url
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        flags = [word for name, value in options.items()
                 for word in (f"--{name.replace('_', '-')}", str(value))]
        self.process = Process("api", [BIN / "fangs-api", "--listen", f"127.0.0.1:{self.port}",
                                       "--poll", "500ms", *flags, *arguments],
                               directory / "api.log",
                               env={"FANGS_DB_URL": database_url, "FANGS_METRICS_LISTEN": ""})

    def start(self, **how):
        self.process.start()
        wait_for("the gateway", lambda: self.call("GET", "/readyz", **how).status_code == 200, 30)
        return self

    def call(self, method, path, token=None, url=None, **how):
        headers = how.pop("headers", {})
        if token:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        return requests.request(method, (url or self.url) + path, headers=headers, timeout=10, **how)

    def token(self, role, name, *more):
        done = subprocess.run([BIN / "fangs", "token", "create", "--role", role, "--name", name,
                               "--db-url", self.database_url, *more], capture_output=True, text=True,
                              timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def sql(self, statement):
        return query(self.database_url, statement)

    def lease(self, run_id, runner_id):
        """As the dispatcher places a run."""
        self.sql(f"INSERT INTO runs (id, package_name, version, state, phase, runner_id, job,"
                 f" started_at, lease_expires_at)"
                 f" VALUES ('{run_id}', 'p', '1.0.0', 'pending', 'leased', '{runner_id}',"
                 f" '{{\"kind\":\"sensor_only\"}}', now(), now() + interval '1 minute')")
        self.sql(f"INSERT INTO run_attempts (run_id, attempt, wire_id, runner_id)"
                 f" VALUES ('{run_id}', 1, '{run_id}', '{runner_id}')")

    def phase(self, run_id):
        return self.sql(f"SELECT phase FROM runs WHERE id = '{run_id}'")[0][0]


@pytest.fixture
def make_gateway(postgres, tmp_path):
    gateways = []

    def make(*arguments, **options):
        url = options.pop("database_url", None) or postgres.create_database()
        directory = tmp_path / f"gateway{len(gateways)}"
        directory.mkdir()
        gateway = Gateway(directory, url, *arguments, **options)
        gateways.append(gateway)
        return gateway

    yield make
    for gateway in gateways:
        if gateway.process.running:
            assert gateway.process.stop() == 0, gateway.process.tail()


def batch(seq=1):
    return json.dumps({"run_id": [0] * 16, "seq": seq, "events": []})


RESULT = {"run_id": [0] * 16, "status": "ok", "events_emitted": 0, "events_dropped": 0,
          "duration": 1}

# Every route by what it asks for.
READS = ["/v1/status", "/v1/packages", "/v1/runs", "/v1/deviations", "/v1/pending", "/v1/runners",
         "/v1/notifiers", "/metrics"]
CHANGES = [("POST", "/v1/packages", {"name": "left-pad"}), ("DELETE", "/v1/packages/left-pad", None),
           ("POST", "/v1/scans", {"target_runner": "r1", "Job": {"sandbox": SANDBOX}}),
           ("POST", f"/v1/runs/{RUN}/promote", {}), ("DELETE", "/v1/notifiers/x", None),
           ("GET", "/v1/tokens", None), ("POST", "/v1/tokens", {"name": "x", "role": "viewer"}),
           ("DELETE", "/v1/tokens/x", None)]
RUNNERS = [("POST", "/v1/runners/register", REGISTRATION),
           ("POST", "/v1/runners/r1/heartbeat", {"status": "idle"}),
           ("GET", "/v1/runners/r1/jobs", None), ("POST", f"/v1/runs/{RUN}/events", None),
           ("POST", f"/v1/runs/{RUN}/result", RESULT)]
PUBLIC = ["/v1/health", "/livez", "/readyz", "/ui/"]


def test_without_credentials_only_the_public_is_answered(make_gateway):
    gateway = make_gateway(auth="token").start()
    for path in PUBLIC:
        assert gateway.call("GET", path).status_code == 200, path
    for method, path, body in [("GET", path, None) for path in READS] + CHANGES + RUNNERS:
        for token in (None, "nonsense", "fangs_o_" + "A" * 43):
            answer = gateway.call(method, path, token, json=body)
            assert answer.status_code == 401, (path, token, answer.text)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == (token is not None)
            assert "error" in answer.json()
    basic = gateway.call("GET", "/v1/runs", headers={"Authorization": "Basic YTpi"})
    assert basic.status_code == 401


def test_roles(make_gateway):
    gateway = make_gateway(auth="token").start()
    tokens = {role: gateway.token(role, name)
              for role, name in [("viewer", "grafana"), ("operator", "alice"), ("runner", "r1")]}

    def statuses(token, requests_):
        return {path: gateway.call(method, path, token, json=body).status_code
                for method, path, body in requests_}
    reads = [("GET", path, None) for path in READS]
    for role, allowed in [("viewer", [reads]), ("operator", [CHANGES, reads]), ("runner", [RUNNERS])]:
        for group in (reads, CHANGES, RUNNERS):
            for path, status in statuses(tokens[role], group).items():
                if group in allowed:
                    assert status not in (401, 403), (role, path, status)
                else:
                    assert status == 403, (role, path, status)
    names = {row["name"]: row for row in
             gateway.call("GET", "/v1/tokens", tokens["operator"]).json()["items"]}
    assert names["grafana"]["last_used_at"] and names["x"]["created_by"] == "alice"
    assert tokens["viewer"] not in json.dumps(names)
    stored = gateway.sql("SELECT string_agg(t::text, ' ') FROM access_tokens t")[0][0]
    assert not any(token in stored for token in tokens.values())


def test_tokens_end(make_gateway):
    gateway = make_gateway(auth="token").start()
    operator = gateway.token("operator", "alice")
    made = gateway.call("POST", "/v1/tokens", operator, json={
        "name": "short", "role": "viewer", "expires_in_s": 3600})
    assert made.status_code == 201 and made.headers["Cache-Control"] == "no-store"
    viewer = made.json()["token"]
    assert gateway.call("GET", "/v1/runs", viewer).status_code == 200
    again = gateway.call("POST", "/v1/tokens", operator, json={"name": "short", "role": "viewer"})
    assert again.status_code == 409
    # Revoked through this gateway: at once. In the database: within five seconds.
    assert gateway.call("DELETE", "/v1/tokens/short", operator).status_code == 204
    assert gateway.call("GET", "/v1/runs", viewer).status_code == 401
    assert gateway.call("DELETE", "/v1/tokens/short", operator).status_code == 404
    other = gateway.token("viewer", "other", "--days", "1")
    assert gateway.call("GET", "/v1/runs", other).status_code == 200
    gateway.sql("UPDATE access_tokens SET expires_at = now() WHERE name = 'other'")
    wait_for("the token's end", lambda: gateway.call("GET", "/v1/runs", other).status_code == 401, 7)


def test_a_token_while_the_database_is_away(make_gateway, postgres):
    gateway = make_gateway(auth="token").start()
    name = gateway.database_url.rsplit("/", 1)[1]
    admin = postgres.url("postgres")
    viewer = gateway.token("viewer", "grafana")
    query(admin, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    query(admin, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    answer = gateway.call("GET", "/v1/runs", viewer)
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert gateway.call("GET", "/livez").status_code == 200
    query(admin, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    wait_for("the database", lambda: gateway.call("GET", "/v1/runs", viewer).status_code == 200, 20)


def check_runner_is_bound(gateway, mine, others):
    """`mine` are the credentials of runner r1, `others` of r2, as arguments of call()."""
    def post(path, body, how):
        return gateway.call("POST", path, data=body if isinstance(body, str) else json.dumps(body),
                            **how).status_code
    assert post("/v1/runners/register", REGISTRATION, others) == 403
    assert post("/v1/runners/register", REGISTRATION, mine) == 200
    assert post("/v1/runners/register", {**REGISTRATION, "runner_id": "r2"}, others) == 200
    assert post("/v1/runners/r1/heartbeat", {"status": "draining"}, others) == 403
    assert gateway.sql("SELECT count(*) FROM runners WHERE status = 'draining'")[0][0] == 0
    assert post("/v1/runners/r1/heartbeat", {"status": "idle"}, mine) == 200
    gateway.lease(RUN, "r1")
    assert gateway.call("GET", "/v1/runners/r1/jobs", **others).status_code == 403
    assert gateway.call("GET", "/v1/runners/r2/jobs", **others).status_code == 204
    # Nothing of another's run: not its events, not its end, no sign of life for it.
    assert post(f"/v1/runs/{RUN}/events", batch(), others) == 403
    assert post(f"/v1/runs/{RUN}/result", RESULT, others) == 403
    naming = {"status": "running", "active_run_id": RUN, "fangs": {"finished_run_ids": [RUN]}}
    assert post("/v1/runners/r2/heartbeat", naming, others) == 200
    assert gateway.phase(RUN) == "leased"
    job = gateway.call("GET", "/v1/runners/r1/jobs", **mine)
    assert job.status_code == 200 and bytes(job.json()["run_id"]).hex() == RUN
    assert post(f"/v1/runs/{RUN}/events", batch(), mine) == 200
    assert gateway.phase(RUN) == "running"
    # Now that the gateway remembers the run.
    assert post(f"/v1/runs/{RUN}/events", batch(2), others) == 403
    assert post(f"/v1/runs/{RUN}/result", RESULT, mine) == 200
    assert gateway.phase(RUN) == "finished"


def test_a_runner_token_is_bound_to_its_runner(make_gateway):
    gateway = make_gateway(auth="token").start()
    check_runner_is_bound(gateway, {"token": gateway.token("runner", "r1")},
                          {"token": gateway.token("runner", "second", "--runner", "r2")})


def test_without_authentication_everybody_may_everything(make_gateway):
    gateway = make_gateway().start()
    for method, path, body in [("GET", path, None) for path in READS] + CHANGES + RUNNERS:
        assert gateway.call(method, path, json=body).status_code not in (401, 403), path


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def mtls(make_gateway, authority):
    cert, key = authority.issue_server()
    gateway = make_gateway(scheme="https", auth="mtls", tls_cert=cert, tls_key=key,
                           tls_client_ca=authority.cert, tls_operators="alice,carol",
                           tls_viewers="grafana")
    gateway.how = lambda *issued: {"verify": str(authority.cert), "cert": authority.issue(*issued)}
    return gateway.start(**gateway.how("probe"))


def test_certificates_have_roles(mtls):
    for name, status in [("alice", {"read": 200, "change": 404, "runner": 403}),
                         ("grafana", {"read": 200, "change": 403, "runner": 403}),
                         ("r1", {"read": 403, "change": 403, "runner": 200})]:
        how = mtls.how(name)
        assert mtls.call("GET", "/v1/runs", **how).status_code == status["read"], name
        assert mtls.call("DELETE", "/v1/packages/x", **how).status_code == status["change"], name
        answer = mtls.call("POST", "/v1/runners/register", json=REGISTRATION, **how)
        assert answer.status_code == status["runner"], name
    # By its alternative name when it has no common one.
    nameless = mtls.how("by-san", "clientAuth", "DNS:carol", "/O=acme")
    assert mtls.call("GET", "/v1/runs", **nameless).status_code == 200


def test_a_certificate_is_bound_to_its_runner(mtls):
    check_runner_is_bound(mtls, mtls.how("r1"), mtls.how("r2"))


def refused(gateway, **how):
    try:
        return gateway.call("GET", "/v1/health", **how).status_code == 403
    except requests.exceptions.ConnectionError:
        return True


def test_bad_certificates_are_refused(mtls, authority, tmp_path):
    ca = str(authority.cert)
    assert refused(mtls, verify=ca)
    assert refused(mtls, verify=ca, cert=authority.issue("alice", "serverAuth"))
    stranger = Authority(tmp_path / "other", "stranger")
    assert refused(mtls, verify=ca, cert=stranger.issue("alice"))
    nameless = authority.issue("nameless", "clientAuth", "", "/O=acme")
    assert mtls.call("GET", "/v1/runs", verify=ca, cert=nameless).status_code == 403


def test_old_tls_is_refused(mtls, authority):
    for version, good in [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                          (ssl.TLSVersion.TLSv1_3, True)]:
        context = ssl.create_default_context(cafile=authority.cert)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        context.load_cert_chain(*authority.issue("alice"))
        with socket.create_connection(("127.0.0.1", mtls.port)) as plain:
            if not good:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    context.wrap_socket(plain, server_hostname="127.0.0.1")
            else:
                context.wrap_socket(plain, server_hostname="127.0.0.1").close()


def test_the_command_line_has_credentials(make_gateway, mtls, authority, tmp_path):
    def cli(gateway, *arguments, **env):
        return subprocess.run([BIN / "fangs", *arguments, "--gateway", gateway.url],
                              capture_output=True, text=True, timeout=30,
                              env={"PATH": "/usr/bin:/bin", **env})
    gateway = make_gateway(auth="token").start()
    token = gateway.token("operator", "alice")
    missing = cli(gateway, "run", "list")
    assert missing.returncode == 1 and "token" in missing.stderr
    assert cli(gateway, "run", "list", "--token", token).returncode == 0
    assert cli(gateway, "run", "list", FANGS_TOKEN=token).returncode == 0
    file = tmp_path / "token"
    file.write_text(token + "\n")
    made = cli(gateway, "token", "create", "--role", "runner", "--name", "r9", "--token", f"@{file}")
    assert made.returncode == 0 and made.stdout.startswith("fangs_r_"), made.stderr
    assert "r9" in cli(gateway, "token", "list", "--token", token).stdout
    assert cli(gateway, "token", "revoke", "r9", "--token", token).returncode == 0
    assert gateway.call("POST", "/v1/runners/r9/heartbeat", made.stdout.strip(),
                        json={}).status_code == 401
    cert, key = authority.issue("alice")
    assert cli(mtls, "run", "list").returncode == 5
    assert cli(mtls, "run", "list", "--tls-ca", authority.cert, "--tls-cert", cert, "--tls-key",
               key).returncode == 0


def test_two_listeners(make_gateway):
    ops = f"http://127.0.0.1:{free_port()}"
    gateway = make_gateway(auth="token", ops_listen=ops.removeprefix("http://")).start()
    operator = gateway.token("operator", "alice")
    runner = gateway.token("runner", "r1")
    for path in ("/ui/", "/ui/api.js", "/metrics", "/ui", "/"):
        assert gateway.call("GET", path, operator, allow_redirects=False).status_code == 404, path
        answer = gateway.call("GET", path, operator, ops, allow_redirects=False)
        assert answer.status_code in (200, 302, 307), path
    for path in ("/v1/health", "/livez", "/readyz", "/v1/runs"):
        assert gateway.call("GET", path, operator).status_code == 200
        assert gateway.call("GET", path, operator, ops).status_code == 200
    assert gateway.call("POST", "/v1/runners/register", runner, json=REGISTRATION).status_code == 200
    assert gateway.call("GET", "/v1/runners/r1/jobs", runner).status_code == 204
    for method, path, body in RUNNERS:
        assert gateway.call(method, path, runner, ops, json=body).status_code in (404, 405), path
    # Roles and origins are those of the other one.
    assert gateway.call("GET", "/v1/runs", None, ops).status_code == 401
    assert gateway.call("POST", "/v1/packages", operator, ops, json={"name": "left-pad"},
                        headers={"Origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize("arguments, words", [
    (["--listen", "0.0.0.0:0"], ["api.listen", "--insecure"]),
    (["--listen", "0.0.0.0:0", "--auth", "token"], ["in the clear", "--insecure"]),
    (["--ops-listen", "0.0.0.0:0"], ["api.ops_listen"]),
    (["--auth", "mtls"], ["tls.client_ca"]),
    (["--auth", "password"], ["none|token|mtls"]),
    (["--tls-cert", "/x"], ["go together"]),
    (["--policy-network-modes", "bridge,host"], ["host", "never"]),
])
def test_impossible_configurations(arguments, words):
    done = subprocess.run([BIN / "fangs-api", "--db-url", "postgresql://x", "--check-config",
                           *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and all(word in done.stderr for word in words), done.stderr


def test_requests_of_other_sites_are_refused(make_gateway):
    gateway = make_gateway().start()
    own = f"http://127.0.0.1:{gateway.port}"
    gateway.call("POST", "/v1/runners/register", json=REGISTRATION)
    scan = json.dumps({"target_runner": "r1", "Job": {"sandbox": SANDBOX}})

    def post(path, body, **headers):
        return gateway.call("POST", path, data=body, headers=headers).status_code
    for path, body in [("/v1/scans", scan), ("/v1/packages", '{"name":"left-pad"}'),
                       ("/v1/runners/register", json.dumps(REGISTRATION))]:
        plain = {"Content-Type": "text/plain"}
        assert post(path, body, Origin="http://evil.example", **plain) == 403
        assert post(path, body, Origin="null", **plain) == 403
        assert post(path, body, **{"Sec-Fetch-Site": "cross-site"}, **plain) == 403
        # A name of a stranger's that has come to lead here.
        assert post(path, body, Origin=f"http://evil.example:{gateway.port}",
                    Host=f"evil.example:{gateway.port}") == 403
    assert gateway.sql("SELECT count(*) FROM runs")[0][0] == 0
    # Programs call the runner protocol's bodies what they like; the JSON API's are JSON.
    assert post("/v1/scans", scan, **{"Content-Type": "application/x-www-form-urlencoded"}) == 202
    for wrong in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert post("/v1/packages", '{"name":"left-pad"}', **{"Content-Type": wrong}) == 415
    assert post("/v1/packages", '{"name":"left-pad"}', Origin=own,
                **{"Content-Type": "application/json"}) == 201


def test_scans_are_checked_against_the_policy(make_gateway):
    gateway = make_gateway(policy_images="node:*,ghcr.io/acme/*", policy_memory_max="1G",
                           policy_cpus_max=2, policy_pids_max=512, policy_duration_max="2m").start()
    gateway.call("POST", "/v1/runners/register", json=REGISTRATION)

    def scan(duration=60, **sandbox):
        job = {"kind": "sandbox_scan", "package_name": "p", "version": "1.0.0",
               "duration": duration * 1000000000, "sandbox": {**SANDBOX, **sandbox}}
        return gateway.call("POST", "/v1/scans", json={"target_runner": "r1", "Job": job})
    assert scan().status_code == 202
    assert scan(network_mode="none", memory_bytes=1 << 30, nano_cpus=2 * 10**9, pids_limit=512,
                image="ghcr.io/acme/tool:1").status_code == 202
    for field, value, allowed, answer in [
            ("image", "evil:latest", "ghcr.io/acme/*", scan(image="evil:latest")),
            ("network_mode", "host", "bridge, none", scan(network_mode="host")),
            ("network_mode", "HOST", "bridge, none", scan(network_mode="HOST")),
            ("network_mode", "container:x", "bridge", scan(network_mode="container:x")),
            ("pull_policy", "sometimes", "missing", scan(pull_policy="sometimes")),
            ("memory_bytes", "1073741825", "1073741824", scan(memory_bytes=(1 << 30) + 1)),
            ("memory_bytes", "-1", "negative", scan(memory_bytes=-1)),
            ("nano_cpus", "3000000000", "2000000000", scan(nano_cpus=3 * 10**9)),
            ("pids_limit", "-1", "negative", scan(pids_limit=-1)),
            ("duration", "121000000000", "120000000000", scan(duration=121))]:
        assert answer.status_code == 403, (field, value, answer.text)
        message = answer.json()["error"]
        assert field in message and value in message and allowed in message, message
    assert gateway.sql("SELECT count(*) FROM runs")[0][0] == 2


def test_the_dashboard_asks_for_the_token(make_gateway, tmp_path):
    gateway = make_gateway(auth="token").start()
    page = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=4000",
         "--dump-dom", f"{gateway.url}/ui/"],
        check=True, capture_output=True, text=True, timeout=90).stdout
    assert page.count("<dialog") == 1 and 'type="password"' in page


def test_a_run_from_request_to_verdict_with_tokens(make_stack, docker):
    stack = make_stack(counts={"watcher": 0, "notifier": 0}, start=False,
                       extra_env={"FANGS_API_AUTH": "token"})

    def token(role, name):
        return subprocess.run([BIN / "fangs", "token", "create", "--role", role, "--name", name,
                               "--db-url", stack.database_url], capture_output=True, text=True,
                              check=True, timeout=30).stdout.strip()
    runner = stack.processes["runner-0"]
    runner.env["FANGS_RUNNER_TOKEN"] = token("runner", stack.runner_id())
    operator = {"Authorization": f"Bearer {token('operator', 'alice')}"}
    stack.start(ready=False)

    def get(path):
        return requests.get(stack.gateway() + path, headers=operator, timeout=10).json()
    wait_for("the gateway", lambda: requests.get(stack.gateway() + "/readyz",
                                                 timeout=2).status_code == 200, 30)
    wait_for("the runner", lambda: any(r["alive"] for r in get("/v1/runners")["items"]), 60)
    job = {"kind": "sandbox_scan", "package_name": "any-image", "version": "1.0.0",
           "sandbox": {"image": "node:20-slim", "user": "0:0", "command": ["sh", "-c", "sleep 1"]}}
    answer = requests.post(stack.gateway() + "/v1/scans", headers=operator, timeout=10,
                           json={"target_runner": "*", "Job": job})
    assert answer.status_code == 202, answer.text

    def judged():
        run = get(f"/v1/runs/{answer.json()['run_id']}")
        return run if run["phase"] == "judged" else None
    run = wait_for("the verdict", judged, 90)
    assert (run["state"], run["verdict"]) == ("done", "seeded"), (run, stack.logs())


def test_scans_watch_what_is_configured(make_gateway, tmp_path):
    file = tmp_path / "fangs.yaml"
    file.write_text("watched_paths:\n  - prefix: /srv/\n  - {prefix: /srv/key, cred: true}\n")
    gateway = make_gateway("--config", file).start()
    gateway.call("POST", "/v1/runners/register", json=REGISTRATION)

    def watched(job):
        answer = gateway.call("POST", "/v1/scans", json={"target_runner": "r1", "Job": job})
        return gateway.sql("SELECT job -> 'watched_paths' FROM runs"
                           f" WHERE id = '{answer.json()['run_id']}'")[0][0]
    assert watched({}) == [{"prefix": "/srv/"}, {"prefix": "/srv/key", "cred_tagged": True}]
    assert watched({"watched_paths": [{"prefix": "/x/"}]}) == [{"prefix": "/x/"}]
    for service in ("watcher", "dispatcher", "differ", "notifier", "runner"):
        subprocess.run([BIN / f"fangs-{service}", "--config", file, "--check-config"], check=True,
                       env={"FANGS_DB_URL": "postgresql://x"}, capture_output=True)
