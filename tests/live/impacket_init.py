"""Prints, in hexadecimal, the SPNEGO token of impacket's RPC client for the service ticket in a credential cache.

impacket_init.py CCACHE USER REALM PRINCIPAL      the client ignores the times of the ticket"""

import sys

from impacket.krb5.ccache import CCache
from impacket.krb5.kerberosv5 import getKerberosType1

cache, user, realm, principal = sys.argv[1:]
tgs = CCache.loadFile(cache).getCredential(f"{principal}@{realm}").toTGS()
print(getKerberosType1(user, "", realm, "", "", TGS=tgs)[2].hex())
