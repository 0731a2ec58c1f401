"""Reads the contents of a token without the library under test. pyasn1 and impacket decode the Kerberos layers. Samba's
NDR bindings decode the PAC. For the encryption types 19 and 20 (RFC 8009), this file has its own decryption, which uses
the package `cryptography`.

If a token does not decrypt, or a PAC signature does not verify, the recording stops."""

import calendar
import hmac
import struct
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from impacket.krb5 import asn1, crypto
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import namedtype, tag, univ
from samba.dcerpc import krb5pac
from samba.ndr import ndr_unpack

FLAGS = {0: "reserved", 1: "forwardable", 2: "forwarded", 3: "proxiable", 4: "proxy", 5: "may-postdate", 6: "postdated",
         7: "invalid", 8: "renewable", 9: "initial", 10: "pre-authent", 11: "hw-authent",
         12: "transited-policy-checked", 13: "ok-as-delegate", 15: "enc-pa-rep", 16: "anonymous"}
KRB5_OIDS = ("1.2.840.113554.1.2.2", "1.2.840.48018.1.2.2")
GSS_CHECKSUM = 0x8003
DELEGATE, AP_REQ_MUTUAL = 1, 2
TICKET_USAGE, AUTHENTICATOR_USAGE, PAC_USAGE = 2, 11, 17
AD_IF_RELEVANT, AD_WIN2K_PAC = 1, 128
LOGON_INFO, SERVER_CHECKSUM, KDC_CHECKSUM, UPN_DNS_INFO = 1, 6, 7, 12
TICKET_CHECKSUM, REQUESTER_SID, FULL_CHECKSUM = 16, 18, 19


class NotOpened(Exception):
    """Raised if the octets are no Kerberos token, if no key decrypts the token, or if the library does not accept the
    token's encryption type."""


def context(number):
    return tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number)


class NegTokenInit(univ.Sequence):
    """A NegTokenInit (RFC 4178, section 4.2.1)."""
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("mechTypes", univ.SequenceOf(univ.ObjectIdentifier()).subtype(explicitTag=context(0))),
        namedtype.OptionalNamedType("reqFlags", univ.BitString().subtype(explicitTag=context(1))),
        namedtype.OptionalNamedType("mechToken", univ.OctetString().subtype(explicitTag=context(2))),
        namedtype.OptionalNamedType("mechListMIC", univ.OctetString().subtype(explicitTag=context(3))))


def observe(token, keys, krbtgt_keys=None):
    """Returns the expected result of an accepted token. `krbtgt_keys` are the krbtgt keys of each realm."""
    mechanism, ap_req = unwrap(token)
    ap, key, part, auth = opened(ap_req, keys)
    ticket, sealed = ap["ticket"], ap["ticket"]["enc-part"]
    assert str(auth["crealm"]) == str(part["crealm"]) and names(auth["cname"]) == names(part["cname"])
    gss_flags = gss_checksum_flags(auth)
    return {
        "client": {"name": "/".join(names(part["cname"])), "realm": text(part["crealm"]),
                   "name_type": int(part["cname"]["name-type"])},
        "service": {"name": "/".join(names(ticket["sname"])), "realm": text(ticket["realm"])},
        "ticket": {"etype": int(sealed["etype"]), "kvno": int(sealed["kvno"]) if sealed["kvno"].hasValue() else None,
                   "session_etype": int(part["key"]["keytype"]), "auth_time": seconds(part["authtime"]),
                   "start_time": seconds(part["starttime"]), "end_time": seconds(part["endtime"]),
                   "flags": [FLAGS[i] for i, bit in enumerate(part["flags"]) if bit]},
        "authenticator": {"time": seconds(auth["ctime"]), "usec": int(auth["cusec"]),
                          "subkey_etype": int(auth["subkey"]["keytype"]) if auth["subkey"].hasValue() else None,
                          "sequence_number": int(auth["seq-number"]) % 2**32 if auth["seq-number"].hasValue() else None,
                          "gss_flags": gss_flags},
        "mutual": bool(ap["ap-options"][AP_REQ_MUTUAL]),
        "delegated": bool((gss_flags or 0) & DELEGATE),
        "mechanism": mechanism,
        "pac": pac(part, [other for other in keys if of_one_account(key, other)],
                   (krbtgt_keys or {}).get(text(ticket["realm"])))}


def sent_at(token, keys):
    """Returns the time of the authenticator."""
    return seconds(opened(unwrap(token)[1], keys)[3]["ctime"])


def transited(token, keys):
    """Returns the contents of the ticket's TransitedEncoding."""
    found = opened(unwrap(token)[1], keys)[2]["transited"]
    assert int(found["tr-type"]) == 1
    return bytes(found["contents"])


def opened(ap_req, keys):
    """Returns the AP-REQ, the key that decrypts its ticket, the EncTicketPart and the authenticator."""
    ap = decode(ap_req, asn1.AP_REQ())
    key, part = open_ticket(ap["ticket"]["enc-part"], [key for key in keys if key["realm"] == text(ap["ticket"]["realm"])])
    session = (int(part["key"]["keytype"]), bytes(part["key"]["keyvalue"]))
    return ap, key, part, decode(decrypt(session, AUTHENTICATOR_USAGE, ap["authenticator"]), asn1.Authenticator())


def of_one_account(key, other):
    return all(key[member] == other[member] for member in ("account", "realm", "kvno"))


def unwrap(token):
    """Returns the mechanism and the bare AP-REQ."""
    if token[0] == 0x6E:
        return "ap-req", token
    if token[0] != 0x60:
        raise NotOpened
    oid, rest = decoder.decode(contents(token))
    if str(oid) == "1.3.6.1.5.5.2":
        init = decode(contents(rest), NegTokenInit())
        if str(init["mechTypes"][0]) not in KRB5_OIDS:
            raise NotOpened
        return "spnego", unwrap(bytes(init["mechToken"]))[1]
    if str(oid) not in KRB5_OIDS or rest[:2] != b"\x01\x00":
        raise NotOpened
    return "krb5", rest[2:]


def contents(der):
    """Returns the contents of the outermost DER element."""
    size = der[1] & 0x7F if der[1] & 0x80 else 0
    return der[2 + size:]


def open_ticket(sealed, keys):
    for key in keys:
        if key["etype"] == int(sealed["etype"]):
            try:
                plain = decrypt((key["etype"], bytes.fromhex(key["key"])), TICKET_USAGE, sealed)
            except (ValueError, crypto.InvalidChecksum):
                continue
            return key, decode(plain, asn1.EncTicketPart())
    raise NotOpened


def gss_checksum_flags(auth):
    """Returns the flags of the checksum 0x8003 (RFC 4121, section 4.1.1), or None if there is no such checksum."""
    if not auth["cksum"].hasValue() or int(auth["cksum"]["cksumtype"]) != GSS_CHECKSUM:
        return None
    return struct.unpack_from("<I", bytes(auth["cksum"]["checksum"]), 20)[0]


def pac(part, keys, krbtgt_keys):
    raw = pac_bytes(part)
    if raw is None:
        return None
    verify_pac(raw, keys)
    if krbtgt_keys:
        verify_kdc(raw, part, krbtgt_keys)
    info = {b.type: b.info for b in ndr_unpack(krb5pac.PAC_DATA, raw).buffers}
    out = dict.fromkeys(("user_sid", "account_name", "full_name", "logon_domain", "logon_domain_sid",
                         "primary_group_sid", "upn", "dns_domain", "upn_flags", "requestor_sid"))
    out |= {"buffers": [kind for kind, _, _ in pac_table(raw)], "group_sids": [], "extra_sids": [],
            "resource_group_sids": []}
    if LOGON_INFO in info:
        out |= logon_info(info[LOGON_INFO].info)
    if UPN_DNS_INFO in info:
        upn = info[UPN_DNS_INFO]
        out |= {"upn": upn.upn_name or None, "dns_domain": upn.dns_domain_name or None, "upn_flags": upn.flags}
    if REQUESTER_SID in info:
        out["requestor_sid"] = str(info[REQUESTER_SID].sid)
    return out


def logon_info(info):
    base = info.info3.base
    domain = str(base.domain_sid)
    resource = info.resource_groups
    return {"user_sid": f"{domain}-{base.rid}", "account_name": base.account_name.string or None,
            "full_name": base.full_name.string or None, "logon_domain": base.logon_domain.string or None,
            "logon_domain_sid": domain, "primary_group_sid": f"{domain}-{base.primary_gid}",
            "group_sids": [f"{domain}-{g.rid}" for g in base.groups.rids or []],
            "extra_sids": [str(s.sid) for s in info.info3.sids or []],
            "resource_group_sids": [f"{resource.domain_sid}-{g.rid}" for g in resource.groups.rids or []]}


def pac_bytes(part):
    if not part["authorization-data"].hasValue():
        return None
    for element in part["authorization-data"]:
        if int(element["ad-type"]) == AD_IF_RELEVANT:
            for inner in decode(bytes(element["ad-data"]), asn1.AuthorizationData()):
                if int(inner["ad-type"]) == AD_WIN2K_PAC:
                    return bytes(inner["ad-data"])
    return None


def pac_table(raw):
    count = struct.unpack_from("<I", raw)[0]
    entries = [struct.unpack_from("<IIQ", raw, 8 + 16 * i) for i in range(count)]
    return [(kind, size, offset) for kind, size, offset in entries]


def verify_pac(raw, keys):
    """Verifies the server signature (MS-PAC 2.8.1). The server signature covers the PAC in which the server signature and
    the KDC signature are zero."""
    kind, value = signatures(raw)[SERVER_CHECKSUM]
    message = zeroed(raw, SERVER_CHECKSUM, KDC_CHECKSUM)
    assert signed_by(keys, kind, message, value), "PAC server signature"


def verify_kdc(raw, part, krbtgt_keys):
    """Verifies the signatures of MS-PAC 2.8.2 to 2.8.4. The KDC signature covers the server signature. The full signature covers the PAC
    with three signatures zeroed. The ticket signature covers the ticket with a zero octet in place of the PAC."""
    found = signatures(raw)
    messages = {KDC_CHECKSUM: found[SERVER_CHECKSUM][1], TICKET_CHECKSUM: without_pac(part),
                FULL_CHECKSUM: zeroed(raw, SERVER_CHECKSUM, KDC_CHECKSUM, FULL_CHECKSUM)}
    for buffer, message in messages.items():
        if buffer == KDC_CHECKSUM or buffer in found:
            kind, value = found[buffer]
            assert signed_by(krbtgt_keys, kind, message, value), f"PAC KDC signature {buffer}"


def signatures(raw):
    """Returns the type and the value of each signature, by the type of its buffer."""
    return {kind: (struct.unpack_from("<i", raw, offset)[0], raw[offset + 4:offset + size])
            for kind, size, offset in pac_table(raw)
            if kind in (SERVER_CHECKSUM, KDC_CHECKSUM, TICKET_CHECKSUM, FULL_CHECKSUM)}


def zeroed(raw, *buffers):
    blank = bytearray(raw)
    for kind, size, offset in pac_table(raw):
        if kind in buffers:
            blank[offset + 4:offset + size] = bytes(size - 4)
    return bytes(blank)


def without_pac(part):
    """Returns the EncTicketPart, in DER, that the ticket signature covers."""
    copy = decode(encoder.encode(part), asn1.EncTicketPart())
    for element in copy["authorization-data"]:
        if int(element["ad-type"]) == AD_IF_RELEVANT:
            inner = decode(bytes(element["ad-data"]), asn1.AuthorizationData())
            for relevant in inner:
                if int(relevant["ad-type"]) == AD_WIN2K_PAC:
                    relevant["ad-data"] = b"\0"
            element["ad-data"] = encoder.encode(inner)
    return encoder.encode(copy)


def signed_by(keys, kind, message, value):
    return any(checksum(kind, bytes.fromhex(key["key"]), message) == value for key in keys
               if key["etype"] == CHECKSUM_ETYPE[kind])


# Maps the checksum type of a PAC signature to the encryption type of its key.
CHECKSUM_ETYPE = {15: 17, 16: 18, 19: 19, 20: 20, -138: 23}


def checksum(kind, key, data):
    if kind in (19, 20):
        size, kc = (16, rfc8009_key(19, key, PAC_USAGE, 0x99)) if kind == 19 else (24, rfc8009_key(20, key, PAC_USAGE, 0x99))
        return hmac.digest(kc, data, RFC8009[kind][0])[:size]
    return crypto._checksum_table[kind].checksum(crypto.Key(CHECKSUM_ETYPE[kind], key), PAC_USAGE, data)


def decrypt(key, usage, sealed):
    etype, value = key
    if etype not in CHECKSUM_ETYPE.values():
        raise NotOpened
    assert int(sealed["etype"]) == etype
    if etype in RFC8009:
        return rfc8009_decrypt(etype, value, usage, bytes(sealed["cipher"]))
    return crypto.decrypt(crypto.Key(etype, value), usage, bytes(sealed["cipher"]))


# The digest, the number of octets of the encryption key, and the number of octets of the MAC and of its key (RFC 8009,
# section 5).
RFC8009 = {19: ("sha256", 16, 16), 20: ("sha384", 32, 24)}


def rfc8009_key(etype, base, usage, purpose):
    digest, enc_size, mac_size = RFC8009[etype]
    size = enc_size if purpose == 0xAA else mac_size
    label = struct.pack(">IB", usage, purpose)
    return hmac.digest(base, struct.pack(">I", 1) + label + b"\0" + struct.pack(">I", size * 8), digest)[:size]


def rfc8009_decrypt(etype, base, usage, cipher):
    digest, _, mac_size = RFC8009[etype]
    body, mac = cipher[:-mac_size], cipher[-mac_size:]
    want = hmac.digest(rfc8009_key(etype, base, usage, 0x55), bytes(16) + body, digest)[:mac_size]
    if not hmac.compare_digest(want, mac):
        raise ValueError("RFC 8009 MAC")
    return cbc_cts_decrypt(rfc8009_key(etype, base, usage, 0xAA), body)[16:]


def cbc_cts_decrypt(key, body):
    """Decrypts CBC-CS3, in which the last two blocks are swapped, with a zero IV. The body must be longer than one block."""
    ecb = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    tail = len(body) % 16 or 16
    head, penultimate, last = body[:-16 - tail], body[-16 - tail:-tail], body[-tail:]
    mixed = ecb.update(penultimate)
    stolen = last + mixed[tail:]
    blocks = head + stolen + penultimate
    plain = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor().update(blocks)
    return plain[:len(body)]


def decode(der, spec):
    value, rest = decoder.decode(der, asn1Spec=spec)
    assert not bytes(rest).strip(b"\0"), "trailing bytes"
    return value


def names(principal):
    return [text(part) for part in principal["name-string"]]


def text(value):
    return bytes(value).decode("utf-8")


def seconds(value):
    """Returns a KerberosTime in Unix seconds, or None if it is absent."""
    return calendar.timegm(time.strptime(str(value), "%Y%m%d%H%M%SZ")) if value.hasValue() else None
