"""Records tickets whose authentication path has several realms. An MIT KDC that does not know the path lists these realms in the
ticket (RFC 4120, section 3.3.3.2)."""

from contextlib import contextmanager

from cases_mit import PASSWORD
from mit_realm import capaths
from observe import transited

HERE, CHILD, GRANDCHILD = "MIT.TEST", "CHILD.MIT.TEST", "GRAND.CHILD.MIT.TEST"
NEAR, FAR, TOP, SUB = "NEAR.TEST", "FAR.TEST", "TOP.TEST", "SUB.TOP.TEST"
USERS = {CHILD: "cora", GRANDCHILD: "gus", FAR: "fay"}
# The realms of each authentication path, and the list that the KDC of MIT.TEST writes. If a realm in the list is below
# the realm before it in the list, the KDC abbreviates its name.
WAYS = {"child": ([CHILD, HERE], b""),
        "grandchild": ([GRANDCHILD, CHILD, HERE], CHILD.encode()),
        "two": ([FAR, NEAR, TOP, HERE], b"NEAR.TEST,TOP.TEST"),
        "below": ([FAR, TOP, SUB, HERE], b"TOP.TEST,SUB."),
        "above": ([FAR, SUB, TOP, HERE], b"TOP.TEST,SUB."),
        "three": ([FAR, NEAR, SUB, TOP, HERE], b"NEAR.TEST,TOP.TEST,SUB.")}


def record(world, out):
    mit = world.mit
    keys = mit.service(18)
    out.keyset("service", keys)
    for realm, user in USERS.items():
        mit.user(user, PASSWORD, realm)
    for name, (way, listed) in WAYS.items():
        with trusts(mit, way):
            # Heimdal's client finds no path through more than one realm.
            for library in ("mit", "heimdal") if len(way) <= 3 else ("mit",):
                token = fresh(world, way, library)
                found = transited(token.value, keys)
                assert found == listed, found
                judge(out, f"mit-way-{name}-{library}", way, token, found)


@contextmanager
def trusts(mit, way):
    """Makes trusts between neighbours on the path only. With other trusts, a KDC would choose a shorter path."""
    links = [(realm, f"krbtgt/{other}@{one}") for one, other in zip(way, way[1:]) for realm in (one, other)]
    for realm, name in links:
        mit.kadmin(f"addprinc -maxlife 40d -pw Cross.Realm.Pass.1 {name}", realm)
    yield
    for realm, name in links:
        mit.kadmin(f"delprinc -force {name}", realm)


def fresh(world, way, library):
    """Returns a token. The client and the KDCs know the path, because a KDC refuses a TGT with a list that the KDC cannot check. The
    KDC of the last realm does not know the whole path, so it does not state that it checked the list of the service ticket."""
    places = range(len(way))
    known = {(way[one], way[other]): way[one + 1:other] for one in places for other in places if one < other}
    world.mit.start(capaths({**known, (way[0], HERE): []}))
    return world.mit_user(USERS[way[0]], realm=way[0], sections=capaths(known)).token(library=library)


def judge(out, id, way, token, listed):
    users, between = {"client_realms": [way[0]]}, way[1:-1]
    how = f"{' to '.join(way)}; the list reads {listed.decode()!r}"
    flags = ["Transited"]

    def trusting(realms):
        return {**users, "transited_realms": realms}

    if not between:
        out.accept(id, f"From {how}.", flags, token, "service", users)
        return
    out.reject(f"{id}-unchecked", f"From {how}.", flags, token, "service", "transited", users)
    out.accept(f"{id}-listed", f"From {how}; the policy lists these realms.", flags, token, "service", trusting(between))
    for left_out in between:
        some = [realm for realm in between if realm != left_out]
        out.reject(f"{id}-without-{left_out.split('.')[0].lower()}", f"From {how}; the policy does not list {left_out}.", flags,
                   token, "service", "transited", trusting([*some, "OTHER.TEST"]))
