"""Writes a file of recorded cases. testvectors/README.md describes the format."""

import base64
import json
import time

from notes import NOTES
from observe import NotOpened, observe, sent_at

NEVER_OPENED = {"not-negotiate", "ntlm", "negoex", "iakerb", "no-kerberos", "user-to-user", "unsupported-etype"}


class Vectors:
    def __init__(self, made_by):
        self.made_by = made_by
        self.keysets, self.krbtgt, self.cases = {}, {}, []

    def keyset(self, name, keys):
        assert name not in self.keysets
        self.keysets[name] = list(keys)
        return name

    def accept(self, id, comment, flags, token, keyset, policy=None, at=0, at_unix=None):
        """Adds an accepted case. A test validates the token `at` seconds after the authenticator's time, or at the time
        `at_unix`."""
        seen = observe(token_bytes(token), self.keysets[keyset], self.krbtgt)
        at_unix = at_unix or seen["authenticator"]["time"] + at
        self._add(id, comment, flags, token, keyset, policy, at=at_unix, result="accept", expect=seen)
        return seen

    def reject(self, id, comment, flags, token, keyset, code, policy=None, at=0, at_unix=None):
        """Adds a refused case. If no key of this file decrypts the token, a test validates the token at the time of the
        recording."""
        try:
            base = sent_at(token_bytes(token), [key for keys in self.keysets.values() for key in keys])
            assert code not in NEVER_OPENED, id
        except NotOpened:
            base = int(time.time())
        self._add(id, comment, flags, token, keyset, policy, at=at_unix or base + at, result="reject", code=code)

    def _add(self, id, comment, flags, token, keyset, policy, **verdict):
        assert all(case["id"] != id for case in self.cases), id
        assert keyset in self.keysets, keyset
        form = "header" if isinstance(token.value, str) else "token"
        text = token.value if form == "header" else base64.b64encode(token.value).decode()
        self.cases.append({"id": id, "comment": comment, "flags": flags, "made_by": token.made_by, "form": form,
                           "token": text, "keyset": keyset, **({"policy": policy} if policy else {}), **verdict})

    def write(self, path):
        used = {flag for case in self.cases for flag in case["flags"]}
        data = {"schema": "tokens-v1",
                "source": {"made_by": self.made_by, "how": "tests/live/record",
                           "recorded_on": time.strftime("%Y-%m-%d", time.gmtime())},
                "count": len(self.cases), "notes": {flag: NOTES[flag] for flag in sorted(used)},
                "keysets": self.keysets, "krbtgt_keys": self.krbtgt, "cases": self.cases}
        path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def token_bytes(token):
    """Returns the GSS token. A header without a token gives no octets, and a header of another scheme gives one zero
    octet."""
    if isinstance(token.value, bytes):
        return token.value
    scheme, _, rest = token.value.partition(" ")
    return base64.b64decode(rest) if scheme.lower() == "negotiate" else b"\0"
