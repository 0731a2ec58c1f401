"""Signs in with MSAL for Python as a public client. MSAL discovers the authority and the user's realm, reads MEX and the RSTR, and
exchanges the assertion for tokens of its `scope`. The environment variable JUDGE has the settings: either `envelope`,
which is the answer of `windowstransport` to a ticket, or `password`. The program prints one JSON object with the result
of each step."""

import json
import os
import warnings

import msal
from msal.mex import send_request as read_mex
from msal.wstrust_response import SAML_TOKEN_TYPE_V1, parse_response

JUDGE = json.loads(os.environ["JUDGE"])
SAML_GRANT = "urn:ietf:params:oauth:grant-type:saml1_1-bearer"
warnings.simplefilter("ignore")


def attempted(step):
    try:
        return step()
    except Exception as error:  # noqa: BLE001 the test shows what MSAL refuses
        return {"refused": f"{type(error).__name__}: {error}"}


def by_envelope(app):
    """Signs in with an envelope, because MSAL for Python sends no tickets itself. MSAL then does the steps that follow
    the envelope."""
    found = parse_response(JUDGE["envelope"])
    if found["type"] != SAML_TOKEN_TYPE_V1:
        raise ValueError(f"the type {found['type']}")
    app.client.grant_assertion_encoders.setdefault(SAML_GRANT, app.client.encode_saml_assertion)
    return app.client.obtain_token_by_assertion(found["token"], SAML_GRANT, scope=app._decorate_scope([JUDGE["scope"]]))


def by_password(app):
    """Signs in as MSAL does for a user of a federated domain. For a managed domain, MSAL would send the password to the token
    endpoint."""
    return app.acquire_token_by_username_password(JUDGE["user"], JUDGE["password"], scopes=[JUDGE["scope"]])


def silently(app):
    """Gets new tokens for the refresh token in MSAL's cache. MSAL first asks which hosts belong to the authority."""
    account, = app.get_accounts(JUDGE["user"])
    return app.acquire_token_silent_with_error([JUDGE["scope"]], account, force_refresh=True)


def main():
    app = msal.PublicClientApplication(JUDGE["client"], authority=JUDGE["authority"])
    way = by_password if "password" in JUDGE else by_envelope
    print(json.dumps({
        "token_endpoint": app.authority.token_endpoint,
        "realm": attempted(lambda: app.authority.user_realm_discovery(JUDGE["user"])),
        "mex": attempted(lambda: read_mex(JUDGE["mex"], app.http_client)),
        "tokens": attempted(lambda: way(app)),
        **({"silent": attempted(lambda: silently(app))} if "password" in JUDGE else {}),
    }))


main()
