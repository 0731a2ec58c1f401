"""Makes a certification authority of the test, and a certificate of this authority for a server on loopback."""

import base64
import hashlib

from web import HOST
from work import run

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """The files of the authority (`trusted`) and of the server's certificate and key, in PEM."""

    def __init__(self, home):
        self.trusted, self.certificate, self.key = home / "authority.pem", home / "server.pem", home / "server.key"
        authority_key, request, names = home / "authority.key", home / "server.csr", home / "names"
        run(["openssl", "req", "-x509", *NEW_KEY, "-days", "30", "-subj", "/CN=authority of the test", "-keyout", authority_key, "-out",
             self.trusted])
        run(["openssl", "req", *NEW_KEY, "-subj", f"/CN={HOST}", "-keyout", self.key, "-out", request])
        names.write_text(f"subjectAltName=DNS:{HOST},DNS:localhost,IP:127.0.0.1\n")
        run(["openssl", "x509", "-req", "-in", request, "-CA", self.trusted, "-CAkey", authority_key, "-CAcreateserial", "-days", "30",
             "-extfile", names, "-out", self.certificate])

    def of_server(self):
        """Returns the configuration of a server that ends TLS itself."""
        return {"certificate": str(self.certificate), "key": str(self.key)}

    def spki(self):
        """Returns the digest of the server's key, by which Chromium can trust the certificate."""
        public = run(["openssl", "x509", "-in", self.certificate, "-noout", "-pubkey"])
        octets = base64.b64decode("".join(public.splitlines()[1:-1]))
        return base64.b64encode(hashlib.sha256(octets).digest()).decode()
