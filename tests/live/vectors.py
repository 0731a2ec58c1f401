"""One file of recorded cases; see testvectors/README.md for the format."""

import json
import time

from clients import b64
from observe import observe

RFC4120 = "https://www.rfc-editor.org/rfc/rfc4120"


class Vectors:
    def __init__(self, made_by, notes):
        self.made_by, self.known_notes = made_by, notes
        self.keysets, self.krbtgt, self.cases = {}, {}, []

    def keyset(self, name, keys):
        assert name not in self.keysets
        self.keysets[name] = list(keys)
        return name

    def accept(self, id, comment, flags, token, made_by, keyset, policy=None, at=None, open_with=None):
        """`at`: seconds after the authenticator's own time."""
        seen = observe(token, self.keysets[open_with or keyset], self._krbtgt_keys())
        case = self._case(id, comment, flags, token, made_by, keyset, policy)
        self.cases.append(case | {"at": seen["authenticator"]["time"] + (at or 0), "result": "accept", "expect": seen})
        return seen

    def reject(self, id, comment, flags, token, made_by, keyset, code, policy=None, at=None, open_with=None):
        """`open_with`: the keys that would open the token, from which `at` is counted; without them, from now."""
        base = observe(token, self.keysets[open_with])["authenticator"]["time"] if open_with else int(time.time())
        case = self._case(id, comment, flags, token, made_by, keyset, policy)
        self.cases.append(case | {"at": base + (at or 0), "result": "reject", "code": code})

    def _case(self, id, comment, flags, token, made_by, keyset, policy):
        assert all(case["id"] != id for case in self.cases), id
        form = "header" if isinstance(token, str) else "token"
        return {"id": id, "comment": comment, "flags": flags, "made_by": made_by, "form": form,
                "token": token if form == "header" else b64(token), "keyset": keyset,
                **({"policy": policy} if policy else {})}

    def _krbtgt_keys(self):
        return [key for keys in self.krbtgt.values() for key in keys]

    def write(self, path):
        used = {flag for case in self.cases for flag in case["flags"]}
        data = {"schema": "tokens-v1",
                "source": {"made_by": self.made_by, "how": "tests/live/record",
                           "recorded_on": time.strftime("%Y-%m-%d", time.gmtime())},
                "count": len(self.cases), "notes": {flag: self.known_notes[flag] for flag in sorted(used)},
                "keysets": self.keysets, "krbtgt_keys": self.krbtgt, "cases": self.cases}
        path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
