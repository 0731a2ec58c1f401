"""Signs in over HTTP by requests-kerberos, which insists that the server prove itself, and over TLS binds to the hash of the
certificate that it is shown. Prints the status.

  requests_client.py URL HOST CERTIFICATE      HOST: the service is HTTP@HOST, wherever URL is"""

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
