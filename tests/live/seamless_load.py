"""Signs in continuously with real tickets of MIT's library, from several threads, until the file STOP exists. Some
threads use the service ticket of the cache OLD. The other threads get a fresh service ticket for each sign-in. For each
sign-in, the program prints a line with the key version of the ticket, and with `signed-in` or the error.

seamless_load.py PORT OLD TGT STOP [PATH PAUSE]

KRB5_CONFIG names the KDC. OLD is a credential cache with the service ticket, and TGT is a credential cache without a
service ticket. PATH is for a server other than `seamless`: it is the page on which that server greets the user. The
replay cache of that server limits the entries of one user, so each thread waits PAUSE seconds between two sign-ins."""

import base64
import http.client
import json
import shutil
import sys
import threading
import time
from pathlib import Path

import gssapi
from impacket.krb5 import asn1
from pyasn1.codec.der import decoder

from clients import AUTOLOGON, SPNEGO
from web import HOST, PATH

SERVICE = gssapi.Name(AUTOLOGON, gssapi.NameType.hostbased_service)
MECHANISM = gssapi.OID.from_int_seq(SPNEGO)
OLD, FRESH = 1, 3


def main(port, cache, tgt_only, stop, path=PATH, pause="0"):
    def thread(name, cache, fresh):
        return threading.Thread(target=sign_in_until, args=(port, path, float(pause), stop, name, cache, fresh))

    threads = [thread(f"old{i}", cache, False) for i in range(OLD)]
    threads += [thread(f"fresh{i}", tgt_only, True) for i in range(FRESH)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def sign_in_until(port, path, pause, stop, name, cache, fresh):
    own = cache.with_name(f"load-{name}")
    shutil.copy(cache, own)
    while not stop.exists():
        if fresh:
            shutil.copy(cache, own)
        try:
            made = token(own)
            said = f"{key_version(made)} {sign_in(port, path, made)}"
        except (OSError, http.client.HTTPException, gssapi.exceptions.GSSError) as error:
            said = f"0 {' '.join(str(error).split())}"
        sys.stdout.write(said + "\n")
        sys.stdout.flush()
        time.sleep(pause)


def token(cache):
    credentials = gssapi.Credentials(usage="initiate", store={"ccache": f"FILE:{cache}"})
    return gssapi.SecurityContext(name=SERVICE, mech=MECHANISM, usage="initiate", creds=credentials).step()


def key_version(made):
    request = made[made.index(b"\x01\x00\x6e") + 2:]
    return int(decoder.decode(request, asn1Spec=asn1.AP_REQ())[0]["ticket"]["enc-part"]["kvno"])


def sign_in(port, path, made):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": HOST, "Authorization": f"Negotiate {base64.b64encode(made).decode()}"})
    response = connection.getresponse()
    body = response.read()
    good = response.status == 200 and (body.startswith(b"Hello ") or json.loads(body)["signed_in"])
    connection.close()
    return "signed-in" if good else f"status {response.status}"


main(int(sys.argv[1]), *map(Path, sys.argv[2:5]), *sys.argv[5:])
