"""An application whose users the sign-in server signs in. The relying party of the application is MSAL for Python. MSAL
reads the discovery document, sends PKCE, `state` and `nonce`, and compares `state`, `nonce`, audience, issuer and
times. MSAL does not verify the signature of the ID token, because the token comes from the server over TLS. The
environment variable JUDGE contains the settings of this application."""

import json
import os
import urllib.parse

import flask
import msal

JUDGE = json.loads(os.environ["JUDGE"])
app = flask.Flask(__name__)
state = {}  # the state of the only user of this application


def relying_party():
    """Returns MSAL's client. The client keeps the tokens of the user in a cache."""
    if "client" not in state:
        how = {"oidc_authority": JUDGE["issuer"]} if JUDGE["kind"] == "oidc_authority" else {
            "authority": JUDGE["issuer"], "instance_discovery": False}
        state["client"] = msal.ConfidentialClientApplication(JUDGE["client"], JUDGE["secret"], **how)
    return state["client"]


def taken(result):
    if "error" in result:
        raise ValueError(f"{result['error']}: {result.get('error_description')}")
    return result


@app.errorhandler(Exception)
def refused(error):
    return {"refused": f"{type(error).__name__}: {error}"}, 400


@app.get("/login")
def login():
    state.pop("tokens", None)
    hints = {name: flask.request.args[name] for name in ("login_hint", "domain_hint", "prompt") if name in flask.request.args}
    state["flow"] = relying_party().initiate_auth_code_flow(
        JUDGE["scope"].split(), redirect_uri=f"{JUDGE['application']}/callback", **hints)
    return flask.redirect(state["flow"]["auth_uri"])


@app.get("/callback")
def callback():
    state["tokens"] = taken(relying_party().acquire_token_by_auth_code_flow(state["flow"], flask.request.args))
    return flask.redirect("/")


@app.get("/")
def who():
    if "tokens" not in state:
        return {"signed_in": False}
    account, = relying_party().get_accounts()
    return {"signed_in": True, "claims": state["tokens"]["id_token_claims"], "account": account["username"]}


@app.get("/refresh")
def refresh():
    account, = relying_party().get_accounts()
    result = taken(relying_party().acquire_token_silent_with_error(JUDGE["scope"].split(), account, force_refresh=True))
    return {"new": result["access_token"] != state["tokens"]["access_token"]}


@app.get("/logout")
def logout():
    tokens = state.pop("tokens")
    for account in relying_party().get_accounts():
        relying_party().remove_account(account)
    hint = urllib.parse.urlencode({"id_token_hint": tokens["id_token"],
                                   "post_logout_redirect_uri": f"{JUDGE['application']}/signed-out"})
    return flask.redirect(f"{JUDGE['issuer']}/oauth2/end_session?{hint}")


@app.get("/signed-out")
def signed_out():
    return {"signed_out": True}


app.run("127.0.0.1", JUDGE["port"])
