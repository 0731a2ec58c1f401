"""Tests the real daemon `samba-tool user syncpasswords`: it calls `seamless-agent sync object` for each change of a password. The
daemon uses the privileged socket of Samba's LDAP server, so this test starts the LDAP server beside the KDC."""

import os
import statistics
import subprocess
import time

from crate import of_sign_in_system
from work import run, wait

PORT = 389  # Samba has no option for this port
ATTRIBUTES = ("objectGUID,objectSid,uSNChanged,sAMAccountName,userPrincipalName,displayName,mail,tokenGroups,userAccountControl,"
              "msDS-User-Account-Control-Computed,lockoutTime,accountExpires,msDS-UserPasswordExpiryTimeComputed,pwdLastSet,unicodePwd")


def check(hashes, count):
    """Changes passwords while the daemon runs. Prints how long each new password takes until the user can sign in with
    it."""
    ad, work, report = hashes.ad, hashes.world.work, hashes.report
    ldap(ad, work)
    script = work.root / "seamless-sync-object"
    script.write_text(f"#!/bin/sh\nexec {of_sign_in_system('seamless-agent')} sync object --dir {hashes.folder} --source dc1 "
                      f"--iterations 1000 2>> {work.root}/sync-object.log\n")
    script.chmod(0o755)
    run(["samba-tool", "user", "syncpasswords", "--cache-ldb-initialize", f"--script={script}", f"--attributes={ATTRIBUTES}", "-s", ad.conf])
    log = work.root / "syncpasswords.log"
    with open(log, "wb") as out:
        daemon = subprocess.Popen(["samba-tool", "user", "syncpasswords", "-s", str(ad.conf)], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=out, start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    work.processes.append(daemon)
    # At its start, the daemon sends every account.
    quiet = wait(lambda: log.read_text(errors="replace").count("DONE-EXIT") >= 1 and is_quiet(log), 180)
    report.check(quiet, "syncpasswords: the daemon sends the accounts to the server", f"{said(log)} objects")
    times, old = [], None
    for number in range(count):
        new = f"Daemon.Pass.{number}"
        done = said(log)
        ad.set_password("ruth", new)
        began = time.monotonic()
        # The server delays the answer to a wrong password, so the test first tries the new password after the script
        # has ended.
        told = wait(lambda done=done: said(log) > done, 60)
        times.append(time.monotonic() - began)
        signs_in = hashes.is_in("ruth", new) and (old is None or not hashes.is_in("ruth", old))
        report.check(told and signs_in, f"syncpasswords: new password {number + 1} signs in, and the old one does not", f"{times[-1]:.2f} s")
        old = new
    print(f"syncpasswords: the server had a new password after {statistics.median(times):.2f} s in the middle, {max(times):.2f} s at most")
    work.stop(daemon)


def said(log):
    return log.read_text(errors="replace").count("DONE-EXIT")


def is_quiet(log):
    before = said(log)
    time.sleep(3)
    return said(log) == before


def ldap(ad, work):
    """Starts Samba's LDAP server on the database of the domain controller."""
    folder = ad.home / "ldap-run"
    folder.mkdir(exist_ok=True)
    work.start(["samba", "-F", "-M", "single", "-s", ad.conf, "--no-process-group", "--debug-stdout", "-d", "1",
                "--option=server services=ldap", f"--option=pid directory={folder}"], ad.home / "ldap.out", PORT)
