"""Signs in over HTTP with requests-kerberos, and prints the status. The client requires that the server proves its identity. Over
TLS, the client binds to the hash of the server's certificate.

  requests_client.py URL HOST CERTIFICATE      the service is HTTP@HOST, even if URL has another host"""

import sys

import requests
from requests_kerberos import REQUIRED, HTTPKerberosAuth
from requests_kerberos.exceptions import MutualAuthenticationError

url, host, certificate = sys.argv[1:]
session = requests.Session()
session.trust_env = False  # no proxy
session.verify = certificate
session.auth = HTTPKerberosAuth(mutual_authentication=REQUIRED, hostname_override=host, sanitize_mutual_error_response=False)
try:
    print(session.get(url).status_code)
except MutualAuthenticationError as error:
    sys.exit(f"the server did not prove itself: {error}")
