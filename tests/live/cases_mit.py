"""Records test cases with the MIT realm: encryption types of RFC 8009 and others, key versions, times, names, transited
realms."""

from clients import KRB5
from mit_realm import ENCTYPES, SPN
from observe import observe

PASSWORD = "Some.Pass.1"
SHORT = {17: "aes128", 18: "aes256", 19: "aes128-sha2", 20: "aes256-sha2", 23: "rc4"}
HERE, NEAR, FAR = "MIT.TEST", "NEAR.TEST", "FAR.TEST"


def record(world, out):
    mit = world.mit
    out.krbtgt[HERE] = mit.krbtgt_keys()
    etypes(world, out)
    versions(world, out)
    out.keyset("service", mit.service(18))
    names(world, out)
    times(world, out)
    transited(world, out)
    tickets(world, out)


def etypes(world, out):
    pairs = [(20, 20), (19, 19), (20, 19), (19, 20), (20, 18), (18, 20), (17, 19), (23, 20), (20, 17), (18, 18)]
    for ticket, session in pairs:
        other = out.keyset(f"other-{len(out.keysets)}", world.mit.service(ticket))
        client, keyset = fresh(world, out, ticket, session)
        out.accept(f"mit-{SHORT[ticket]}-{SHORT[session]}", f"Ticket under {SHORT[ticket]}, session key {SHORT[session]}.",
                   ["EncTypes"] + ["AesSha2"] * bool({19, 20} & {ticket, session}) + ["Rc4"] * (ticket == 23),
                   client.token(), keyset, {"allow_rc4": True} if ticket == 23 else None)
        out.reject(f"mit-{SHORT[ticket]}-{SHORT[session]}-other-key", "Another key of the same type and version.",
                   ["EncTypes", "WrongKey"], client.token(), other, "integrity", {"allow_rc4": True} if ticket == 23 else None)
    client, keyset = fresh(world, out, 23, 20)
    out.reject("mit-rc4-aes256-sha2-rc4-refused", "RC4 only in the ticket.", ["Rc4"], client.token(), keyset, "rc4-refused")
    client, keyset = fresh(world, out, 20, 20)
    out.accept("mit-aes256-sha2-krb5", "RFC 8009 without SPNEGO.", ["AesSha2", "RawKrb5"], client.token(mech=KRB5), keyset)
    out.accept("mit-aes256-sha2-heimdal", "RFC 8009 from Heimdal's client.", ["AesSha2", "Heimdal"],
               client.token(library="heimdal"), keyset)
    out.reject("mit-aes256-sha2-no-key", "Only the type-18 key of the realm is held.", ["AesSha2", "WrongKey"],
               client.token(), out.keyset("mit-other-type", [k | {"etype": 18} for k in out.keysets[keyset]]), "no-key")
    for ticket, session in ((26, 18), (25, 18), (16, 18), (18, 26), (18, 25)):
        client, keyset = fresh(world, out, ticket, session)
        what = "Ticket" if ticket not in SHORT else "Session key"
        odd = ticket if ticket not in SHORT else session
        out.reject(f"mit-{what.split()[0].lower()}-etype-{odd}", f"{what} under {ENCTYPES[odd]}.", ["UnsupportedEncType"],
                   client.token(), keyset, "unsupported-etype")


def fresh(world, out, ticket, session):
    """Gives the service a new key of one type, and returns a client with a ticket for the service, and the key set."""
    keys = world.mit.service(ticket, session=[session])
    keyset = out.keyset(f"service-{len(out.keysets)}", keys)
    return world.mit_user("alice").kvno(SPN, "-e", ENCTYPES[session]), keyset


def versions(world, out):
    for kvno in (1, 128, 255, 256, 300, 32768, 65535):
        keys = world.mit.service(18, kvno=kvno)
        assert keys[0]["kvno"] == kvno
        keyset = out.keyset(f"kvno-{kvno}", keys)
        seen = out.accept(f"mit-kvno-{kvno}", f"Key version {kvno}.", ["Kvno"], world.mit_user("alice").token(), keyset)
        assert seen["ticket"]["kvno"] == kvno
    low = [key | {"kvno": 255} for key in keys]
    out.accept("mit-kvno-65535-held-255", "The same key, known by the low octet of its version, as short keytabs have it.",
               ["Kvno"], world.mit_user("alice").token(), out.keyset("kvno-low-octet", low))
    older = world.mit.service(18, kvno=299)
    out.keyset("kvno-299", older)
    world.mit.service(18, kvno=300)
    for held, kvno in (("kvno-299", 300), ("kvno-300", 300), ("kvno-65535", 300)):
        code = "integrity" if held == f"kvno-{kvno}" else "key-version"
        out.reject(f"mit-kvno-{kvno}-held-{held[5:]}", f"Key version {kvno}; another key is held, as version {held[5:]}.",
                   ["Kvno", "WrongKey"], world.mit_user("alice").token(), held, code)
    keys = world.mit.service(18, kvno=65536)
    keyset = out.keyset("kvno-absent", [key | {"kvno": 0} for key in keys])
    seen = out.accept("mit-kvno-absent", "The KDC sends no key version.", ["Kvno"], world.mit_user("alice").token(), keyset)
    assert seen["ticket"]["kvno"] is None
    keyset = out.keyset("kvno-absent-held-7", [key | {"kvno": 7} for key in keys])
    out.accept("mit-kvno-absent-held-7", "No key version in the ticket, the key is held as version 7.", ["Kvno"],
               world.mit_user("alice").token(), keyset)
    out.reject("mit-kvno-absent-other-key", "No key version in the ticket, and another key is held.", ["Kvno", "WrongKey"],
               world.mit_user("alice").token(), "kvno-300", "integrity")


def names(world, out):
    for i, name in enumerate(("alice/admin", "a/b/c/d", "host/ws1.mit.test", r"bob\@example.com", "łódź/à", "李"), 1):
        world.mit.user(name, PASSWORD)
        out.accept(f"mit-name-{i}", f"The principal {name}.",
                   ["Utf8Name"] if not name.isascii() else ["MultiComponent"], world.mit_user(name).token(), "service")
    spn = "HTTP/autologon.microsoftazuread-sso.com/extra"
    keyset = out.keyset("service-three-parts", world.mit.service(18, spn=spn))
    out.accept("mit-service-three-parts", "A service name of three components.", ["MultiComponent"],
               world.mit_user("alice").token(f"{spn}@{HERE}"), keyset)
    out.reject("mit-service-three-parts-refused", "Its first two components are on the allow-list; that is another name.",
               ["MultiComponent", "Service"], world.mit_user("alice").token(f"{spn}@{HERE}"), keyset, "service-refused",
               {"services": [SPN]})


def times(world, out):
    def alice(*options, **more):
        return world.mit_user("alice", *options, **more)

    out.accept("mit-lifetime-24h", "A day long, which is the default limit.", ["Lifetime"], alice("-l", "24h").token(), "service")
    for life in ("25h", "10d", "30d"):
        out.reject(f"mit-lifetime-{life}", f"{life} long.", ["Lifetime"], alice("-l", life).token(), "service",
                   "ticket-lifetime")
    out.accept("mit-lifetime-30d-unlimited", "30 days long, and no limit.", ["Lifetime"], alice("-l", "30d").token(),
               "service", {"max_lifetime": None})
    out.reject("mit-lifetime-11h-seamless", "Eleven hours long, without PAC identity, under a limit of ten.", ["Lifetime"],
               alice("-l", "11h").token(), "service", "ticket-lifetime", {"max_lifetime": 36000})
    later = alice("-S", SPN, "-s", "1h", "-l", "2h", clockskew=10**8)
    postdated = later.impacket("alice", SPN)
    start = observe(postdated.value, out.keysets["service"])["ticket"]["start_time"]
    out.reject("mit-postdated", "Postdated by an hour, never validated, used at once.", ["Postdated"], postdated, "service",
               "ticket-invalid")
    late = later.impacket("alice", SPN, clock=3660)
    out.reject("mit-postdated-started", "Postdated, never validated, used after its start.", ["Postdated"], late, "service",
               "ticket-invalid", at_unix=start + 60)
    short = alice("-l", "10m", clockskew=10**8).kvno(SPN)
    out.reject("mit-expired", "Ten minutes long, used an hour later.", ["Expired"], short.impacket("alice", SPN, clock=3600),
               "service", "ticket-expired")
    out.reject("mit-clock-fast-1h", "The client's clock is an hour fast.", ["Clock"],
               alice(clockskew=10**8).kvno(SPN).impacket("alice", SPN, clock=3600), "service", "clock-skew", at=-3600)


def transited(world, out):
    """Records tickets of a user of FAR.TEST whose path leads through NEAR.TEST. The KDC of MIT.TEST knows this path in one case,
    and does not know it in the other case."""
    mit = world.mit
    for one, other in ((FAR, NEAR), (NEAR, HERE)):
        for realm in (one, other):
            mit.kadmin(f"addprinc -maxlife 40d -pw Cross.Realm.Pass.1 krbtgt/{other}@{one}", realm)
    mit.user("fay", PASSWORD, FAR)
    mit.user("ned", PASSWORD, NEAR)
    path = f"[capaths]\n  {FAR} = {{\n    {HERE} = {NEAR}\n    {NEAR} = .\n  }}\n  {NEAR} = {{\n    {HERE} = .\n  }}\n"
    trusted = {"client_realms": [FAR, NEAR]}

    def token(user, realm, **options):
        return world.mit_user(user, realm=realm, sections=path).token(**options)

    mit.start(path)
    for library in ("mit", "heimdal"):
        seen = out.accept(f"mit-transited-checked-{library}", "By way of NEAR.TEST, checked by the KDC.", ["Transited"],
                          token("fay", FAR, library=library), "service", trusted)
        assert "transited-policy-checked" in seen["ticket"]["flags"]
    out.accept("mit-transited-direct", "From the neighbour realm: nothing between.", ["Transited"], token("ned", NEAR),
               "service", trusted)
    out.reject("mit-transited-checked-untrusted", "Checked by the KDC, but no user of that realm is wanted.", ["Transited"],
               token("fay", FAR), "service", "untrusted-realm")
    out.reject("mit-transited-neighbour-untrusted", "No user of the neighbour realm is wanted.", ["Transited"],
               token("ned", NEAR), "service", "untrusted-realm", {"client_realms": [FAR]})
    mit.start()
    for library in ("mit", "heimdal"):
        out.reject(f"mit-transited-unchecked-{library}", "By way of NEAR.TEST, which the KDC does not know.", ["Transited"],
                   token("fay", FAR, library=library), "service", "transited", trusted)
    out.accept("mit-transited-direct-no-capaths", "From the neighbour realm, by a KDC that knows no paths.", ["Transited"],
               token("ned", NEAR), "service", trusted)


def tickets(world, out):
    mit = world.mit
    out.accept("mit-sparse-pac", "A PAC without logon information.", ["SparsePac"], world.mit_user("alice").token(),
               "service", {"pac": "verify"})
    out.accept("mit-as-direct", "A service ticket straight from the AS.", ["AsDirect"],
               world.mit_user("alice", "-S", SPN).token(), "service")
    out.accept("mit-addresses", "The ticket lists client addresses, which nobody checks by default.", ["Addresses"],
               world.mit_user("alice", "-a", extra_addresses="127.0.0.1").token(), "service")
    out.accept("mit-proxiable", "Forwardable, proxiable, renewable, renewed.", ["Renewed"],
               world.mit_user("alice", "-p", "-r", "2d").renew().token(), "service")
    ok = out.keyset("service-ok-as-delegate", mit.service(18, options="+ok_as_delegate"))
    out.accept("mit-ok-as-delegate", "The service may be delegated to.", ["Delegated"], world.mit_user("alice").token(), ok)
    keyset = out.keyset("service-no-pac", mit.service(18, options="+no_auth_data_required"))
    out.accept("mit-no-pac", "A service that is exempt from PACs.", ["NoPac"], world.mit_user("alice").token(), keyset)
    out.reject("mit-no-pac-required", "No PAC where one is required.", ["NoPac"], world.mit_user("alice").token(), keyset,
               "pac-missing", {"pac": "require"})
