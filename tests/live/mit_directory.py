"""Runs MIT's KDC with a database whose users have SIDs: the module logon_info.c puts the SIDs into tickets."""

from clients import HERE
from mit_realm import MitRealms
from silver import LOGON, Silver
from work import run

SID = "S-1-5-21-41-42-43"
# impacket's ticketer needs a key, although LOGON_INFO does not depend on it.
NO_KEY = {"etype": 18, "kvno": 2, "key": "00" * 32}


class MitDirectory(MitRealms):
    """One realm, whose domain has the SID `SID`."""

    def __init__(self, work, realm, port, folder):
        modules, self.infos = work.dir(f"{folder}-modules"), work.dir(f"{folder}-logon-info")
        run(["gcc", "-shared", "-fPIC", "-O1", "-o", modules / "logon_info.so", HERE / "logon_info.c", "-lkrb5", "-lkdb5", "-ldl"])
        self.modules = modules
        super().__init__(work, [realm], port, folder)
        self.env["LOGON_INFO"] = str(self.infos)

    def _kdc_conf(self):
        super()._kdc_conf()
        path = self.home / "kdc.conf"
        text = path.read_text().replace(f"  {self.realm} = {{", f"  {self.realm} = {{\n    database_module = with_sids")
        path.write_text(f"{text}[dbmodules]\n  db_module_dir = {self.modules}\n  with_sids = {{\n    db_library = logon_info\n"
                        f"    database_name = {self.home}/{self.realm}\n  }}\n")

    def users(self, names, password, options="+requires_preauth"):
        """Creates users by one process of kadmin."""
        queries = [f"addprinc {options} -pw {password} {name}" for name in names]
        run(["kadmin.local", "-r", self.realm], self.env, text="\n".join(queries) + "\nquit\n")
        for rid, name in enumerate(names, 1104 + len(list(self.infos.iterdir()))):
            info = Silver(name, {**NO_KEY, "realm": self.realm}, SID, rid=rid).infos[LOGON]
            (self.infos / name).write_bytes(info)
