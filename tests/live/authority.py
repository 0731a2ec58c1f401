"""Makes a certification authority for a test, and certificates of this authority for servers on loopback."""

import base64
import hashlib

from web import HOST
from work import run

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """The PEM files of the authority's certificate (`trusted`), and of the server's certificate and key. `hosts` are
    the names of the server."""

    def __init__(self, home, hosts=(HOST,)):
        self.home, self.trusted, self.signs = home, home / "authority.pem", home / "authority.key"
        run(["openssl", "req", "-x509", *NEW_KEY, "-days", "30", "-subj", "/CN=authority of the test", "-keyout", self.signs, "-out",
             self.trusted])
        self.certificate, self.key = self.issue("server", hosts[0], *(f"DNS:{host}" for host in (*hosts, "localhost")), "IP:127.0.0.1")

    def issue(self, file, subject, *names):
        """Makes a certificate and its key for these names, and returns the two files."""
        certificate, key, request, alternative = (self.home / f"{file}.{kind}" for kind in ("pem", "key", "csr", "names"))
        run(["openssl", "req", *NEW_KEY, "-subj", f"/CN={subject}", "-keyout", key, "-out", request])
        alternative.write_text(f"subjectAltName={','.join(names)}\n")
        run(["openssl", "x509", "-req", "-in", request, "-CA", self.trusted, "-CAkey", self.signs, "-CAcreateserial", "-days", "30",
             "-extfile", alternative, "-out", certificate])
        key.chmod(0o600)
        return certificate, key

    def of_server(self):
        """Returns the configuration of a server that ends TLS itself."""
        return {"certificate": str(self.certificate), "key": str(self.key)}

    def spki(self):
        """Returns the digest of the server's key, by which Chromium can trust the certificate."""
        public = run(["openssl", "x509", "-in", self.certificate, "-noout", "-pubkey"])
        octets = base64.b64decode("".join(public.splitlines()[1:-1]))
        return base64.b64encode(hashlib.sha256(octets).digest()).decode()
