"""An application whose users the sign-in server signs in. The relying party of the application is Authlib's Flask
client. Authlib reads the discovery document, sends PKCE, `state` and `nonce`, and verifies the ID token and its
`nonce`. The environment variable JUDGE contains the settings of this application."""

import json
import os

import flask
from authlib.integrations.flask_client import OAuth

JUDGE = json.loads(os.environ["JUDGE"])
app = flask.Flask(__name__)
app.json.mimetype = "text/plain"  # browsers show application/json in a viewer, not as plain text
app.secret_key = os.urandom(32)
app.config["SESSION_COOKIE_NAME"] = JUDGE["client"]
provider = OAuth(app).register(
    "provider", client_id=JUDGE["client"], client_secret=JUDGE["secret"],
    server_metadata_url=f"{JUDGE['issuer']}/.well-known/openid-configuration",
    authorize_url=JUDGE["authorization"], client_kwargs={"scope": JUDGE["scope"], "code_challenge_method": "S256"})
users = {}  # the tokens of each session


@app.errorhandler(Exception)
def refused(error):
    return {"refused": f"{type(error).__name__}: {error}"}, 400


@app.get("/login")
def login():
    return provider.authorize_redirect(f"{JUDGE['application']}/callback", **flask.request.args)


@app.get("/callback")
def callback():
    token = provider.authorize_access_token()
    flask.session["user"] = os.urandom(8).hex()
    users[flask.session["user"]] = token
    return flask.redirect("/")


@app.get("/")
def who():
    token = users.get(flask.session.get("user"))
    if token is None:
        return {"signed_in": False}
    return {"signed_in": True, "claims": token["userinfo"], "userinfo": provider.userinfo(token=token)}


@app.get("/refresh")
def refresh():
    token = users[flask.session["user"]]
    new = provider.fetch_access_token(grant_type="refresh_token", refresh_token=token["refresh_token"])
    # An ID token that a client gets for a refresh token has no nonce.
    claims = provider.parse_id_token(new, nonce=None) or token["userinfo"]
    users[flask.session["user"]] = {**token, **new, "userinfo": claims}
    return {"new": new["access_token"] != token["access_token"]}


@app.get("/logout")
def logout():
    token = users.pop(flask.session.pop("user"))
    return provider.logout_redirect(f"{JUDGE['application']}/signed-out", id_token_hint=token["id_token"])


@app.get("/signed-out")
def signed_out():
    provider.validate_logout_response()
    return {"signed_out": True}


app.run("127.0.0.1", JUDGE["port"])
