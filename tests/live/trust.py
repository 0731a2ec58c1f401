"""Creates the trust objects of two Samba forests. `here`, which has the service, trusts `there`, which has the users."""

import time

import ldb
from samba.dcerpc import drsblobs, lsa
from samba.dcerpc import security
from samba.ndr import ndr_pack

INBOUND, OUTBOUND, UPLEVEL, ALL_ETYPES = 1, 2, 2, 28
FOREST_TRANSITIVE, WITHIN_FOREST = 8, 0x20
PASSWORD = "Trust.Password.Shared.1!"


def trust(here, there, attributes=FOREST_TRANSITIVE):
    add(here, there, OUTBOUND, "trustAuthOutgoing", attributes)
    add(there, here, INBOUND, "trustAuthIncoming", attributes)


def add(me, other, direction, secret, attributes):
    name = other.realm.lower()
    entry = ldb.Message(ldb.Dn(me.db, f"CN={name},CN=System,{me.base}"))
    for attribute, value in (("objectClass", "trustedDomain"), ("trustPartner", name), ("flatName", other.netbios),
                             ("securityIdentifier", ndr_pack(security.dom_sid(other.sid))),
                             ("trustDirection", str(direction)), ("trustType", str(UPLEVEL)),
                             ("trustAttributes", str(attributes)),
                             ("msDS-SupportedEncryptionTypes", str(ALL_ETYPES)), (secret, password_blob())):
        entry[attribute] = value
    me.db.add(entry)


def password_blob():
    auth = drsblobs.AuthenticationInformation()
    auth.LastUpdateTime = int(time.time() * 10**7) + 116444736000000000
    auth.AuthType = lsa.TRUST_AUTH_TYPE_CLEAR
    secret = list(PASSWORD.encode("utf-16le"))
    auth.AuthInfo = drsblobs.AuthInfoClear()
    auth.AuthInfo.size, auth.AuthInfo.password = len(secret), secret
    array = drsblobs.AuthenticationInformationArray()
    array.count, array.array = 1, [auth]
    blob = drsblobs.trustAuthInOutBlob()
    blob.count, blob.current = 1, array
    return ndr_pack(blob)
