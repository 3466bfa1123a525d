# SPDX-License-Identifier: Apache-2.0
"""A real npm registry server (Verdaccio) that sandboxes reach over the container bridge."""
import base64
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile

import requests

from .paths import SCRIPTS
from .processes import free_port

HOOKS = ("preinstall", "install", "postinstall")


def bridge_address():
    """The host's address on the container engine's default bridge."""
    shown = subprocess.run(["docker", "network", "inspect", "bridge", "--format",
                            "{{(index .IPAM.Config 0).Gateway}}"],
                           check=True, capture_output=True, text=True).stdout.strip()
    return shown or "172.17.0.1"


class Registry:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.address = bridge_address()
        self.port = free_port(self.address)

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"

    def start(self):
        subprocess.run([SCRIPTS / "dev-registry", "start", self.directory, self.address,
                        str(self.port)], check=True)
        return self

    def stop(self):
        subprocess.run([SCRIPTS / "dev-registry", "stop", self.directory], check=True)

    def _staged(self, folder, replace):
        """A copy of the folder, in its files each of the texts replaced."""
        staging = self.directory / "publish"
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(folder, staging)
        for file in filter(pathlib.Path.is_file, staging.rglob("*")) if replace else ():
            data = file.read_bytes()
            for old, new in replace.items():
                data = data.replace(old.encode(), new.encode())
            file.write_bytes(data)
        return staging

    def publish(self, folder, name=None, version=None, replace=None):
        """Publishes a package folder, under another name or version if given."""
        staging = self._staged(folder, replace)
        manifest = json.loads((staging / "package.json").read_text())
        manifest["name"] = name or manifest["name"]
        manifest["version"] = version or manifest["version"]
        (staging / "package.json").write_text(json.dumps(manifest))
        subprocess.run([SCRIPTS / "dev-registry", "publish", self.directory, staging], check=True)

    def put(self, folder, replace=None):
        """As `publish()`, without npm: for many packages."""
        folder = self._staged(folder, replace)
        manifest = json.loads((folder / "package.json").read_text())
        name, version = manifest["name"], manifest["version"]
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(folder, "package")
        data, file = packed.getvalue(), f"{name}-{version}.tgz"
        scripts = manifest.get("scripts", {})
        manifest.update(
            _id=f"{name}@{version}",
            hasInstallScript=any(hook in scripts for hook in HOOKS),
            dist={"tarball": f"{self.url}/{name}/-/{file}",
                  "shasum": hashlib.sha1(data).hexdigest(),
                  "integrity": "sha512-" +
                  base64.b64encode(hashlib.sha512(data).digest()).decode()})
        requests.put(f"{self.url}/{name}", timeout=30, json={
            "_id": name, "name": name, "dist-tags": {"latest": version},
            "versions": {version: manifest},
            "_attachments": {file: {"content_type": "application/octet-stream",
                                    "data": base64.b64encode(data).decode(),
                                    "length": len(data)}}}).raise_for_status()
