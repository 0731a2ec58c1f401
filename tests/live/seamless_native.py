"""Runs public native clients, unchanged and with real tickets, against the server. The fixed host names of these
clients lead to loopback. There, the server listens on port 443 with a certificate of the test's authority, and the KDC
listens on port 88. The part `native` of seamless.py runs this program.

  seamless_native.py      prints the checks and exits with the number of failed checks"""

import sys

import loopback
import native_clients
import native_forged
import native_passwords
import native_requests
from native_cloud import BY_PASSWORD, FEDERATED, HOSTS, Cloud
from native_steps import NativeApplication
from report import Report
from samba_ad import SSO_ACCOUNT
from work import Work

HERE = "--here"  # runs the checks in this process, for which the hosts lead to loopback


def check(report):
    """Runs this program where the hosts lead to loopback, and adds the number of its failed checks to the report."""
    report.failures += loopback.run_where(HOSTS, [sys.executable, __file__, HERE])


def main():
    loopback.demand(HOSTS)
    report = Report()
    with Work() as work:
        cloud = Cloud(work)
        directory = cloud.world.contoso
        native_passwords.people(directory)
        with cloud.serve(federated=FEDERATED):
            NativeApplication(cloud, cloud.world.alice(), report).all()
            native_clients.check(cloud, report)
            native_requests.check(cloud, report)
            native_forged.check(cloud, report)
            native_passwords.switched_off(cloud, report)
            tokens = native_forged.before_rollover(cloud, native_requests.ticket(cloud))
        directory.set_password(SSO_ACCOUNT, "Sso.Key.Two.2026!")
        with cloud.serve(username_mixed=True, federated=BY_PASSWORD):
            native_forged.after_rollover(cloud, tokens, report)
            native_passwords.check(cloud, report)
    return report.failures


if __name__ == "__main__":
    sys.exit(min(main(), 100) if sys.argv[1:] == [HERE] else loopback.run_where(HOSTS, [sys.executable, __file__, HERE]))
