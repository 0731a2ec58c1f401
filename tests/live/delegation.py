"""Tests credentials that real clients delegate, without the library under test. pyasn1 and impacket decode the KRB-CRED. MIT's
acceptor makes a credential cache of the KRB-CRED.

  delegation.py             checks that the example `delegation` makes the same caches, and that the KDC issues tickets for them
  delegation.py OUTPUT      writes testvectors/delegation/krb_cred.txt"""

import struct
import sys
from pathlib import Path

import gssapi
from impacket.krb5 import asn1

from clients import DELEGATE, KRB5, MUTUAL
from crate import example
from keys import keytab_keys
from mit_realm import ENCTYPES, SPN
from observe import decode, decrypt, names, opened, seconds, text, unwrap
from samba_ad import AUTOLOGON, SSO_ACCOUNT
from work import Work, run
from world import World

KRB_CRED_USAGE, NO_ENCRYPTION = 14, 0
EPOCH = 0

HEAD = """\
# Delegated credentials: the KRB-CRED that clients put into the checksum of their authenticator (RFC 4121 section 4.1.1).
#
# Made by tests/live/delegation.py. Keys are throw-away. Client to Key: what pyasn1 and impacket read in it; a time that is
# not there is 0. Ccache: the file that MIT's acceptor made of the same credentials (gss_store_cred_into).
"""


def delegating(world):
    """Yields each client's name, a session with a service ticket, the service's keytab and realm, and the options of the token."""
    mit, here = world.mit, world.mit.realm
    for etype in (17, 18, 19, 20):
        mit.service(etype, session=[etype], options="+ok_as_delegate")
        client = world.mit_user("alice", "-r", "2d").kvno(SPN, "-e", ENCTYPES[etype])
        yield f"mit-{etype}", client, mit.keytab(SPN), here, {}
        if etype == 18:
            client = world.mit_user("alice").kvno(SPN)
            yield "heimdal-18", client, mit.keytab(SPN), here, {"library": "heimdal"}
    world.contoso.etypes(SSO_ACCOUNT, 28)
    rc4 = world.alice().kvno(AUTOLOGON, "-e", ENCTYPES[23])
    yield "mit-23", rc4, world.contoso.keytab(SSO_ACCOUNT), world.contoso.realm, {}


def token_of(client, options):
    return client.token(mech=KRB5, flags=MUTUAL | DELEGATE, **options)


def observe(token, keys):
    """Returns the KRB-CRED, the keys of the request, and the contents of its only ticket entry."""
    _, _, part, auth = opened(unwrap(token)[1], keys)
    checksum = bytes(auth["cksum"]["checksum"])
    cred = checksum[28:28 + struct.unpack_from("<H", checksum, 26)[0]]
    session, subkey = key_of(part["key"]), key_of(auth["subkey"])
    sealed = decode(cred, asn1.KRB_CRED())["enc-part"]
    plain = bytes(sealed["cipher"]) if int(sealed["etype"]) == NO_ENCRYPTION else decrypt(session, KRB_CRED_USAGE, sealed)
    info, = decode(plain, asn1.EncKrbCredPart())["ticket-info"]
    flags = "".join(str(bit) for bit in info["flags"])
    etype, key = key_of(info["key"])
    return {"SessionEtype": session[0], "SessionKey": session[1], "SubkeyEtype": subkey[0], "Subkey": subkey[1],
            "KrbCred": cred, "Client": principal(info["pname"], info["prealm"]),
            "Server": principal(info["sname"], info["srealm"]), "AuthTime": seconds(info["authtime"]) or EPOCH,
            "StartTime": seconds(info["starttime"]) or EPOCH, "EndTime": seconds(info["endtime"]) or EPOCH,
            "RenewTill": seconds(info["renew-till"]) or EPOCH, "Flags": int(flags, 2), "KeyEtype": etype, "Key": key}


def key_of(key):
    return int(key["keytype"]), bytes(key["keyvalue"])


def principal(name, realm):
    return f"{'/'.join(names(name))}@{text(realm)}"


def mit_ccache(token, keytab, path):
    """Writes the file in which MIT's acceptor stores the delegated credentials."""
    credentials = gssapi.Credentials(usage="accept", store={"keytab": str(keytab), "rcache": "none:"})
    context = gssapi.SecurityContext(creds=credentials, usage="accept")
    context.step(token)
    context.delegated_creds.store(store={"ccache": f"FILE:{path}"}, overwrite=True, usage="initiate")
    return path.read_bytes()


def record(world, path):
    lines = [HEAD]
    for name, client, keytab, realm, options in delegating(world):
        token = token_of(client, options)
        seen = observe(token.value, keytab_keys(keytab, "service", realm))
        ccache = mit_ccache(token.value, keytab, world.work.root / "delegated")
        fields = {"Name": name, "MadeBy": token.made_by, **seen, "Ccache": ccache}
        lines += [f"{field} = {written(value)}" for field, value in fields.items()] + [""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines[:-1]) + "\n")


def written(value):
    return value.hex() if isinstance(value, bytes) else f'"{value}"' if isinstance(value, str) else value


def check(world):
    """Returns the number of caches of the library that differ from MIT's cache or that MIT's or Heimdal's programs cannot use."""
    return sum(not usable(world, *sent) for sent in delegating(world))


def usable(world, name, client, keytab, realm, options):
    token, ours, mits = token_of(client, options), world.work.root / "ours", world.work.root / "mits"
    mit_ccache(token.value, keytab, mits)
    ours.touch(0o600)  # Heimdal refuses a cache that other users may read.
    crate_ccache(token.value, keytab, realm, ours)
    listed = klist(ours, client)
    same = listed == klist(mits, client) and ours.read_bytes() == mits.read_bytes()
    good = same and gets_ticket(ours, client) and client.use_cache(ours).token(library="heimdal")
    print(f"{'ok  ' if good else 'FAIL'} delegation-{name}: {listed}", flush=True)
    return good


def crate_ccache(token, keytab, realm, path):
    sent = path.with_suffix(".token")
    sent.write_bytes(token)
    run([example("delegation"), "--keytab", keytab, "--realm", realm, "--allow-rc4", sent, path])


def klist(path, client):
    """Returns the output of MIT's klist for a cache, in one line."""
    return " ".join(run(["klist", "-c", path, "-e", "-f"], client.env).split()[3:])


def gets_ticket(path, client):
    """Returns whether MIT's kvno gets a ticket with the delegated credentials, which are only a ticket-granting ticket."""
    return f"{SPN}@" in run(["kvno", "-c", path, SPN], client.env)


if __name__ == "__main__":
    with Work() as work:
        world = World(work)
        world.add_mit()
        if sys.argv[1:]:
            record(world, Path(sys.argv[1]))
        else:
            sys.exit(1 if check(world) else 0)
