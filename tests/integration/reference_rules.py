# SPDX-License-Identifier: Apache-2.0
"""The documented fingerprint rules, of the existing system and of ours, written independently of our
C. Ours only as far as recorded sessions of the existing runner need them."""
import collections
import ipaddress
import re

NORMALIZE = [(re.compile(pattern), replacement) for pattern, replacement in [
    (r"^/proc/[0-9]+(/|\Z)", r"/proc/<PID>\1"),
    (r"^/tmp/[a-zA-Z0-9._-]*-[0-9]{3,}([a-zA-Z0-9._-]*)", "/tmp/<RAND>"),
    (r"/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9_]+Z-debug-[0-9]+\.log\Z", "/<TIMESTAMP>-debug-<N>.log"),
    (r"/[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-zA-Z]+)\Z", r"/<DATE>\1"),
    (r"(/\.npm/_cacache/[^/]+/[a-zA-Z0-9]+)/[a-f0-9]{2}/[a-f0-9]{2}/[a-f0-9]+", r"\1/<SHA256>"),
    (r"(/\.npm/_cacache/index-[^/]+)/[a-f0-9]{2}/[a-f0-9]{2}/[a-f0-9]+", r"\1/<HASH>"),
    (r"(/\.npm/_cacache/tmp)/[a-f0-9]+", r"\1/<HEX>"),
    (r"/[a-f0-9]{12,}(/|\Z)", r"/<HEX>\1"),
]]

CDN = [ipaddress.ip_network(block) for block in """
103.21.244.0/22 103.22.200.0/22 103.31.4.0/22 104.16.0.0/13 104.24.0.0/14 108.162.192.0/18
131.0.72.0/22 141.101.64.0/18 162.158.0.0/15 172.64.0.0/13 173.245.48.0/20 188.114.96.0/20
190.93.240.0/20 197.234.240.0/22 198.41.128.0/17 140.82.112.0/20 143.55.64.0/20 185.199.108.0/22
192.30.252.0/22 142.250.0.0/15 172.217.0.0/16 216.58.192.0/19 172.253.0.0/16 74.125.0.0/16
151.101.0.0/16 199.232.0.0/16 13.32.0.0/15 13.224.0.0/14 52.84.0.0/15 54.182.0.0/16 54.192.0.0/16
54.230.0.0/16 99.86.0.0/16 204.246.164.0/22""".split()]

O_WRONLY, O_RDWR, O_CREAT = 1, 2, 64


def normalize(path):
    for pattern, replacement in NORMALIZE:
        path = pattern.sub(replacement, path)
    return path


def fingerprint(event):
    """(category, value), or None."""
    payload = event["payload"]
    kind = event["type"]
    if kind == 1 and payload["PathName"]:
        write = payload["Flags"] & (O_WRONLY | O_RDWR | O_CREAT)
        return ("fs_new_path_write" if write else "fs_new_path_read",
                normalize(payload["PathName"]))
    if kind == 2:
        value = payload["BinaryPathStr"].rstrip("\0").strip()
        return ("proc_new_exec", value) if value else None
    if kind == 3 and payload["DestIP"]:
        if any(ipaddress.ip_address(payload["DestIP"]) in block for block in CDN):
            return None
        return ("net_new_destination", f"{payload['DestIP']}:{payload['DestPort']}")
    if kind == 4:
        value = payload["QName"].strip().lower().removesuffix(".")
        return ("net_new_dns", value) if value else None
    if kind == 5:
        value = payload["SNI"].strip().lower()
        return ("net_new_https_host", value) if value else None
    return None


def fingerprints(batches):
    """{(category, value): count} of all events."""
    found = (fingerprint(event) for batch in batches for event in batch["events"] or [])
    return collections.Counter(value for value in found if value)


def package_pids(events):
    """Processes below a lifecycle script: what npm starts, and all that these start."""
    npm, package = set(), set()
    for event in events:
        payload = event["payload"]
        pid, ppid = payload["Header"]["PID"], payload["Header"]["PPID"]
        if ppid in npm | package and pid not in npm:
            package.add(pid)
        elif event["type"] == 2 and payload["BinaryPathStr"].endswith("/node") and \
                payload["ArgvStrs"][1:2] and payload["ArgvStrs"][1].endswith("/npm"):
            npm.add(pid)
    return package


INSTALL_ROOT = "/tmp/test"
CREDENTIALS = re.compile(r"^/root/\.(npmrc|ssh/.*)\Z")
NPMS_OWN = re.compile(r"/\.npm/|^/dev/null\Z|/node_modules/\.package-lock\.json\Z"
                      r"|/package(-lock)?\.json\Z")


def named(path, fold):
    """Below the install root, by package."""
    match = re.match(INSTALL_ROOT + r"/node_modules/((?:@[^/]+/)?[^/.][^/]*)(/.*)?\Z", path)
    if match:
        return f"<{match[1]}>" + ("" if fold else match[2] or "")
    return path.replace(INSTALL_ROOT + "/", "<.>/", 1) if path.startswith(INSTALL_ROOT + "/") \
        else re.sub(r"^/proc/[0-9]+(?=/|\Z)", "/proc/<PID>", path)


def path_value(event, is_package):
    """(category, value), or None: no behaviour."""
    path = event["payload"]["PathName"]
    write = event["payload"]["Flags"] & (O_WRONLY | O_RDWR | O_CREAT)
    category = "fs_new_path_write" if write else "fs_new_path_read"
    tagged = event["payload"]["Header"]["Tags"] & 2 or CREDENTIALS.match(path)
    if is_package:
        return category, named(path, fold=not write and not tagged)
    if tagged:
        return category, normalize(path)
    if not write or (NPMS_OWN.search(path) and "/node_modules/delta" not in path):
        return None
    return category, named(path, fold=True) if "/node_modules/" in path else normalize(path)


def without_setup(events):
    """What the container runtime does before the first program is nobody's behaviour."""
    begun = False
    for event in events:
        begun = begun or event["type"] == 2
        if begun or not event["payload"]["CommStr"].startswith("runc:["):
            yield event


def own_fingerprints(events):
    """{(actor, category, value): count} as our differ has them."""
    package = package_pids(events)
    found = collections.Counter()
    for event in without_setup(events):
        is_package = event["payload"]["Header"]["PID"] in package
        if event["type"] == 1:
            value = path_value(event, is_package)
        else:
            value = fingerprint(event)
            if value and event["type"] == 2:
                value = (value[0], named(value[1], fold=False))
            if value and event["type"] == 3 and event["payload"]["DestPort"] == 53:
                value = (value[0], "<resolver>:53")
        if value:
            found[("package" if is_package else "manager", *value)] += 1
    return found
