# SPDX-License-Identifier: Apache-2.0
"""A certificate authority made with openssl, and certificates of it."""
import subprocess


class Authority:
    def __init__(self, directory, name="ca"):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        self.cert = directory / f"{name}.pem"
        self.key = directory / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", "2", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:true",
                 "-keyout", self.key, "-out", self.cert)

    def issue(self, name, usage="clientAuth", alternative="", subject=None):
        """Paths of a new certificate and its key."""
        cert, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        request = self.directory / f"{name}.csr"
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"extendedKeyUsage={usage}\n" +
                              (f"subjectAltName={alternative}\n" if alternative else ""))
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", f"/CN={name}" if subject is None else subject, "-keyout", key,
                 "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                 "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
        return str(cert), str(key)

    def issue_server(self):
        return self.issue("server", "serverAuth", "IP:127.0.0.1,DNS:localhost")


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
