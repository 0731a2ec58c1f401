"""Makes service tickets with impacket's ticketer under the service's own key ("silver tickets"). A case can change and sign the
PAC. impacket's client makes the tokens.

impacket has no code to choose other signature types and keys, or other authorization data around the PAC. `Signer` and
`Silver.sealed` do this with the checksums, ciphers and structures of impacket."""

import datetime
import hashlib
import importlib.util
import itertools
import random
import sys
import zlib
from argparse import Namespace
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path

from impacket.dcerpc.v5 import ndr
from impacket.krb5 import asn1, pac
from impacket.krb5.ccache import CCache
from impacket.krb5.constants import AuthorizationDataType, encodeFlags
from impacket.krb5.crypto import Key, _checksum_table, _enctype_table
from impacket.krb5.kerberosv5 import getKerberosType1
from impacket.krb5.types import KerberosTime, Principal, Ticket
from impacket.krb5.types import constants as krb5_constants
from pyasn1.codec.der import decoder, encoder
from pyasn1.type.univ import noValue

from clients import Token, pip_version
from samba_ad import AUTOLOGON

IF_RELEVANT, WIN2K_PAC = AuthorizationDataType.AD_IF_RELEVANT.value, AuthorizationDataType.AD_WIN2K_PAC.value
TICKET_USAGE, AUTHENTICATOR_USAGE, PAC_USAGE = 2, 11, 17
LOGON, SERVER, KDC, CLIENT, UPN, ATTRIBUTES, REQUESTOR = 1, 6, 7, 10, 12, 17, 18
TICKET, FULL = 16, 19
MD5, CRC32 = 7, 1
SIGNATURE_TYPE = {17: 15, 18: 16, 23: -138}
SIGNATURE_SIZE = {15: 12, 16: 12, -138: 16, MD5: 16, CRC32: 4}


def load_ticketer():
    """Loads the script ticketer.py, which lies beside the Python program, as a module."""
    loader = SourceFileLoader("impacket_ticketer", str(Path(sys.executable).parent / "ticketer.py"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


TICKETER = load_ticketer().TICKETER


class Referents:
    """A replacement for `random` in impacket's NDR. impacket numbers pointers with random 16-bit numbers, and a number can occur twice
    in a structure. This class uses consecutive numbers instead."""
    numbers = itertools.count(0x20000, 4)

    def randint(self, *_):
        return next(self.numbers)


ndr.random = Referents()


def with_random_referents(make):
    ndr.random = random
    try:
        return make()
    finally:
        ndr.random = Referents()


@dataclass
class Signer:
    """A signature's type and its key. MD5 and CRC32 have no key."""
    kind: int
    key: dict | None = None

    @classmethod
    def of(cls, key):
        return cls(SIGNATURE_TYPE[key["etype"]], key)

    def blank(self):
        return self._data(bytes(SIGNATURE_SIZE[self.kind]))

    def sign(self, message):
        if self.kind == MD5:
            return self._data(hashlib.md5(message).digest())
        if self.kind == CRC32:
            return self._data(zlib.crc32(message).to_bytes(4, "little"))
        key = Key(self.key["etype"], bytes.fromhex(self.key["key"]))
        return self._data(_checksum_table[self.kind].checksum(key, PAC_USAGE, message))

    def _data(self, value):
        data = pac.PAC_SIGNATURE_DATA()
        data["SignatureType"], data["Signature"] = self.kind, value
        return data.getData()


class Silver:
    """A ticket for `user`, whose SID is `domain`-`rid`, under `key`. `infos` are the buffers of the PAC by type."""

    def __init__(self, user, key, domain, rid=1104, groups=(513,), extra_sids=(), upn=True, old=False, hours=8,
                 spn=AUTOLOGON):
        assert key["kvno"] == 2, "ticketer writes this version into every ticket"
        self.user, self.key, self.realm = user, key, key["realm"]
        aes = key["key"] if key["etype"] != 23 else None
        self.maker = TICKETER(user, "", self.realm, Namespace(
            spn=spn, keytab=None, request=False, impersonate=None, aesKey=aes, nthash=None if aes else key["key"],
            domain_sid=domain, user_id=str(rid), groups=",".join(map(str, groups)), duration=str(hours),
            extra_sid=",".join(extra_sids) or None, extra_pac=upn, old_pac=old))
        self.reply, infos = self.maker.createBasicTicket()
        self.reply_part, self.part, self.infos = self.maker.customizeTicket(self.reply, infos)
        self.infos[LOGON] = padded(self.infos[LOGON])

    def logon(self, change):
        """Reads LOGON_INFO, calls `change` on it, and writes it back."""
        info, raw = pac.VALIDATION_INFO(), self.infos[LOGON]
        info.fromString(raw)
        info.fromStringReferents(raw, len(info.getData()))
        change(info["Data"])
        self.infos[LOGON] = padded(info.getData() + info.getDataReferents())
        return self

    def client_info(self, name=None, later=0):
        info = pac.PAC_CLIENT_INFO(self.infos[CLIENT])
        if name is not None:
            info["Name"] = name.encode("utf-16le")
            info["NameLength"] = len(info["Name"])
        info["ClientId"] += later * 10_000_000
        self.infos[CLIENT] = info.getData()
        return self

    def without(self, *kinds):
        self.infos = {kind: data for kind, data in self.infos.items() if kind not in kinds}
        return self

    def token(self):
        """Returns a token with a ticket that ticketer itself signs and encrypts. Like the server signature, the KDC
        signature is made with the service's key."""
        reply, _, _ = self.maker.signEncryptTicket(self.reply, self.reply_part, self.part, self.infos)
        return self._sent(reply)

    def cache(self, path):
        """Writes the ticket of `token` to a credential cache, so that another client than impacket's can make the
        token."""
        reply, _, key = self.maker.signEncryptTicket(self.reply, self.reply_part, self.part, self.infos)
        cache = CCache()
        cache.fromTGS(reply, key, key)
        cache.saveFile(str(path))
        return path

    def signed(self, server=None, kdc=None):
        """Returns the PAC. If the caller gives no signer for a signature, the service's key signs."""
        own = Signer.of(self.key)
        return self._signed({SERVER: server or own, KDC: kdc or own})

    def signed_fully(self, kdc):
        """Returns the PAC with all four signatures (MS-PAC, 2.8.1 to 2.8.4)."""
        message = self._part_with(if_relevant((WIN2K_PAC, b"\0")))
        return self._signed({TICKET: kdc, FULL: kdc, SERVER: Signer.of(self.key), KDC: kdc}, message)

    def _signed(self, signers, ticket_message=None):
        infos = self.infos | {kind: signer.blank() for kind, signer in signers.items()}
        if TICKET in signers:
            infos[TICKET] = signers[TICKET].sign(ticket_message)
        if FULL in signers:
            infos[FULL] = signers[FULL].sign(pac.build_pac_type(infos).getData())
        infos[SERVER] = signers[SERVER].sign(pac.build_pac_type(infos).getData())
        infos[KDC] = signers[KDC].sign(infos[SERVER][4:])
        return pac.build_pac_type(infos).getData()

    def sealed(self, *elements):
        """Returns a token whose ticket has `elements` as its authorization data."""
        return self._sent(self._seal(elements))

    def sealed_pac(self, raw):
        return self.sealed(if_relevant((WIN2K_PAC, raw)))

    def sealed_without(self, *authenticator_elements):
        """Returns a bare AP-REQ. The ticket has no authorization data, and the authenticator has these elements."""
        reply, key = decoder.decode(self._seal(()), asn1Spec=asn1.TGS_REP())[0], self._session_key()
        request = asn1.AP_REQ()
        request["pvno"], request["msg-type"] = 5, krb5_constants.ApplicationTagNumbers.AP_REQ.value
        request["ap-options"] = encodeFlags([])
        ticket = Ticket()
        ticket.from_asn1(reply["ticket"])
        asn1.seq_set(request, "ticket", ticket.to_asn1)
        now, authenticator = datetime.datetime.now(datetime.timezone.utc), asn1.Authenticator()
        authenticator["authenticator-vno"], authenticator["crealm"] = 5, self.realm
        name = Principal(self.user, type=krb5_constants.PrincipalNameType.NT_PRINCIPAL.value)
        asn1.seq_set(authenticator, "cname", name.components_to_asn1)
        authenticator["cusec"], authenticator["ctime"] = now.microsecond, KerberosTime.to_asn1(now)
        put(authenticator, authenticator_elements)
        request["authenticator"] = noValue
        request["authenticator"]["etype"] = key.enctype
        request["authenticator"]["cipher"] = _enctype_table[key.enctype].encrypt(
            key, AUTHENTICATOR_USAGE, encoder.encode(authenticator), None)
        return Token(encoder.encode(request), f"impacket {pip_version('impacket')} ticketer and AP_REQ")

    def _seal(self, elements):
        etype = self.key["etype"]
        service = Key(etype, bytes.fromhex(self.key["key"]))
        sealed = self.reply["ticket"]["enc-part"]
        sealed["cipher"] = _enctype_table[etype].encrypt(service, TICKET_USAGE, self._part_with(*elements), None)
        self.reply["enc-part"]["cipher"] = b""
        return encoder.encode(self.reply)

    def _part_with(self, *elements):
        put(self.part, elements)
        return encoder.encode(self.part)

    def _session_key(self):
        key = self.part["key"]
        return Key(int(key["keytype"]), bytes(key["keyvalue"]))

    def _sent(self, reply):
        key = self._session_key()
        tgs = {"KDC_REP": reply, "cipher": _enctype_table[key.enctype], "sessionKey": key}
        return Token(getKerberosType1(self.user, "", self.realm, "", "", TGS=tgs)[2],
                     f"impacket {pip_version('impacket')} ticketer and getKerberosType1")


def padded(serialized):
    """Pads NDR data to a multiple of eight octets, and counts the padding in the private header (MS-RPCE 2.2.6.2). impacket does not
    pad, and Samba requires the padding."""
    assert len(serialized) - 16 == int.from_bytes(serialized[8:12], "little")
    padding = -len(serialized) % 8
    length = len(serialized) - 16 + padding
    return serialized[:8] + length.to_bytes(4, "little") + serialized[12:] + bytes(padding)


def put(holder, elements):
    """Replaces the authorization data of a ticket or an authenticator. If `elements` is empty, this removes the
    field."""
    holder["authorization-data"] = noValue
    for i, (kind, data) in enumerate(elements):
        holder["authorization-data"][i] = noValue
        holder["authorization-data"][i]["ad-type"] = kind
        holder["authorization-data"][i]["ad-data"] = data


def if_relevant(*elements):
    inner = asn1.AuthorizationData()
    for i, (kind, data) in enumerate(elements):
        inner[i] = noValue
        inner[i]["ad-type"], inner[i]["ad-data"] = kind, data
    return IF_RELEVANT, encoder.encode(inner)
