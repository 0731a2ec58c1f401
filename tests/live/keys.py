"""Reads service keys from keytabs with MIT's klist."""

import re

from work import run

ETYPES = {"aes128-cts-hmac-sha1-96": 17, "aes256-cts-hmac-sha1-96": 18, "aes128-cts-hmac-sha256-128": 19,
          "aes256-cts-hmac-sha384-192": 20, "arcfour-hmac": 23, "DEPRECATED:arcfour-hmac": 23,
          "camellia128-cts-cmac": 25, "camellia256-cts-cmac": 26, "des3-cbc-sha1": 16, "DEPRECATED:des3-cbc-sha1": 16}


def keytab_keys(path, account, realm):
    lines = re.findall(r"^\s*(\d+) \S+ \((\S+)\)\s+\(0x([0-9a-f]+)\)", run(["klist", "-keK", path]), re.M)
    return [{"account": account, "realm": realm, "etype": ETYPES[name], "kvno": int(kvno), "key": key}
            for kvno, name, key in lines]
