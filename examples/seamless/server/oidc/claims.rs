//! The claims of ID tokens (OpenID Connect Core 1.0 section 2), of access tokens (RFC 9068) and of `userinfo`.

use super::authorization_request::{ACR_MULTI, ACR_SINGLE};
use super::dialect::Dialect;
use super::grants::{ACCESS_LIFETIME, Factors, FirstFactor, Grant};
use super::scopes::{GROUPS, OPENID, PROFILE};
use crate::guid::Guid;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::{Sid, UnixTime};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// The values from which the server makes the claims of all tokens of a grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issue<'a> {
    pub(crate) issuer: &'a str,
    /// The user's `sub` for this client.
    pub(crate) subject: &'a str,
    /// The names that the configuration gives to groups.
    pub(crate) group_names: &'a HashMap<Sid, String>,
    pub(crate) grant: &'a Grant,
    /// The identifier of the tenant.
    pub(crate) tenant_id: Guid,
    pub(crate) dialect: Dialect,
    pub(crate) now: UnixTime,
}

/// The claims about the sign-in that access tokens and ID tokens have in common.
#[derive(Serialize)]
struct SignIn<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    amr: &'static [&'static str],
    acr: &'static str,
    tid: String,
}

/// The claims about the user that the scopes select.
#[derive(Serialize)]
struct About<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<&'a str>,
    /// The SID, which is the same for all clients of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    oid: Option<String>,
    #[serde(flatten)]
    groups: Option<Groups>,
}

/// The groups, or a reference to the endpoint that returns them (OpenID Connect Core 1.0 section 5.6.2).
#[derive(Serialize)]
#[serde(untagged)]
enum Groups {
    Whole { groups: Vec<String> },
    Elsewhere { _claim_names: Value, _claim_sources: Value },
}

#[derive(Serialize)]
struct IdToken<'a> {
    #[serde(flatten)]
    sign_in: SignIn<'a>,
    #[serde(flatten)]
    about: About<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    at_hash: String,
    /// The identifier of the user's stay in the browser. Logout tokens have the same `sid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

#[derive(Serialize)]
struct AccessToken<'a> {
    #[serde(flatten)]
    sign_in: SignIn<'a>,
    #[serde(flatten)]
    about: About<'a>,
    client_id: &'a str,
    /// The client's id again, for native clients: they read `appid` in tokens of version 1, and `azp` in tokens of
    /// version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<&'a str>,
    jti: String,
    scope: String,
}

#[derive(Serialize)]
struct UserInfo<'a> {
    sub: &'a str,
    #[serde(flatten)]
    about: About<'a>,
}

impl<'a> Issue<'a> {
    /// Returns the claims of an access token. Its audience is the grant's resource. Without a resource, its audience is
    /// the issuer, whose endpoints such as `userinfo` accept the token.
    pub(crate) fn access_token(self, id: String) -> impl Serialize + use<'a> {
        AccessToken {
            sign_in: self.sign_in(self.grant.resource.as_deref().unwrap_or(self.issuer)),
            about: self.about(),
            client_id: &self.grant.client_id,
            appid: (self.dialect == Dialect::Version1).then_some(&self.grant.client_id),
            azp: (self.dialect == Dialect::Version2).then_some(&self.grant.client_id),
            jti: id,
            scope: self.grant.scopes.to_string(),
        }
    }

    /// Returns the claims of the ID token that is issued together with `access_token`, or `None` if the scopes ask for
    /// no ID token.
    pub(crate) fn id_token(self, access_token: &str, session: Option<String>) -> Option<impl Serialize + use<'a>> {
        self.grant.scopes.contains(OPENID).then(|| IdToken {
            sign_in: self.sign_in(&self.grant.client_id),
            about: self.about(),
            nonce: self.grant.nonce.as_deref(),
            at_hash: at_hash(access_token),
            sid: session,
        })
    }

    /// Returns the claims of `userinfo`.
    pub(crate) fn user_info(self) -> impl Serialize + use<'a> {
        UserInfo { sub: self.subject, about: self.about() }
    }

    fn sign_in(self, audience: &'a str) -> SignIn<'a> {
        let now = self.now.seconds();
        SignIn {
            iss: self.issuer,
            sub: self.subject,
            aud: audience,
            iat: now,
            exp: now.saturating_add(ACCESS_LIFETIME),
            auth_time: self.grant.authenticated,
            amr: if self.grant.app_password.is_some() { &["app_password"] } else { self.grant.factors.amr() },
            acr: self.grant.factors.acr(),
            tid: self.tenant_id.to_string(),
        }
    }

    fn about(self) -> About<'a> {
        let (user, scopes) = (&self.grant.user, &self.grant.scopes);
        // Native clients of version 1 do not send the scope `profile`, but read the claims of this scope.
        let has_profile = scopes.contains(PROFILE) || self.dialect == Dialect::Version1;
        let profile = has_profile.then_some(user);
        About {
            name: profile.and_then(|user| user.name.as_deref()),
            preferred_username: profile.map(|user| user.upn.as_str()),
            upn: profile.map(|user| user.upn.as_str()),
            oid: profile.map(|user| user.sid.to_string()),
            groups: scopes.contains(GROUPS).then(|| self.groups()),
        }
    }

    fn groups(self) -> Groups {
        if self.grant.user.groups.len() <= MAX_GROUPS {
            return Groups::Whole { groups: self.group_list().collect() };
        }
        let endpoint = format!("{}/oauth2/groups", self.issuer);
        Groups::Elsewhere {
            _claim_names: json!({ "groups": "src1" }),
            _claim_sources: json!({ "src1": { "endpoint": endpoint } }),
        }
    }

    /// Returns the name of each group, or its SID if the configuration has no name for it.
    pub(crate) fn group_list(self) -> impl Iterator<Item = String> + use<'a> {
        let name = move |sid: &Sid| self.group_names.get(sid).cloned().unwrap_or_else(|| sid.to_string());
        self.grant.user.groups.iter().map(name)
    }
}

impl Factors {
    /// Returns the methods of RFC 8176: `wia` by ticket, `pwd` by password, and `otp` and `mfa` with a one-time code.
    /// RFC 8176 does not register `phs`. The value means that this server checked the password with a verifier, and
    /// that the directory did not check the password.
    const fn amr(self) -> &'static [&'static str] {
        match (self.first, self.one_time_code) {
            (FirstFactor::Ticket, false) => &["wia"],
            (FirstFactor::Ticket, true) => &["wia", "otp", "mfa"],
            (FirstFactor::Password, false) => &["pwd"],
            (FirstFactor::Password, true) => &["pwd", "otp", "mfa"],
            (FirstFactor::PasswordHash, false) => &["pwd", "phs"],
            (FirstFactor::PasswordHash, true) => &["pwd", "phs", "otp", "mfa"],
        }
    }

    const fn acr(self) -> &'static str {
        if self.one_time_code { ACR_MULTI } else { ACR_SINGLE }
    }
}

/// Returns the left half of the digest of an access token (OpenID Connect Core 1.0 section 3.1.3.6).
fn at_hash(access_token: &str) -> String {
    let digest = Sha256::digest(access_token);
    let (half, _) = digest.split_at(digest.len().div_ceil(2));
    URL_SAFE_NO_PAD.encode(half)
}

/// The largest number of groups in a token. Microsoft Entra has the same limit.
const MAX_GROUPS: usize = 200;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::oidc::scopes::Scopes;
    use crate::oidc::user::User;
    use crate::oidc::user::tests::user;

    fn grant(scopes: &str) -> Grant {
        Grant {
            tenant: "contoso.test".into(),
            client_id: "app".into(),
            user: user(),
            scopes: Scopes::parse(scopes).unwrap(),
            resource: None,
            nonce: Some("n".into()),
            authenticated: 900,
            factors: Factors { first: FirstFactor::Ticket, one_time_code: false },
            stay: None,
            app_password: None,
        }
    }

    fn issue<'a>(grant: &'a Grant, group_names: &'a HashMap<Sid, String>) -> Issue<'a> {
        let (issuer, subject) = ("https://sso.test/contoso.test", "s");
        let (tenant_id, now) = (Guid::of_tenant("contoso.test"), UnixTime::from_seconds(1_000));
        Issue { issuer, subject, group_names, grant, tenant_id, dialect: Dialect::OAuth, now }
    }

    #[test]
    fn id_token_has_the_claims_of_its_scopes() {
        let (grant, names) = (grant("openid profile groups"), HashMap::new());
        let claims =
            json!(issue(&grant, &names).id_token("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", None).unwrap());
        let expected = json!({
            "iss": "https://sso.test/contoso.test", "sub": "s", "aud": "app", "iat": 1_000, "exp": 4_600,
            "auth_time": 900, "amr": ["wia"], "acr": "urn:kerberos-sso:acr:single", "tid": Guid::of_tenant("contoso.test").to_string(),
            "name": "Alice", "preferred_username": "alice@contoso.test", "upn": "alice@contoso.test",
            "oid": "S-1-5-21-1-2-3-1104", "groups": ["S-1-5-21-1-2-3-513"], "nonce": "n",
            // The example of OpenID Connect Core 1.0 appendix A.3 has this access token and this hash.
            "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
        });
        assert_eq!(claims, expected);
    }

    #[test]
    fn access_token_is_for_the_resource_or_else_for_the_issuer() {
        let (names, without) = (HashMap::new(), grant("openid"));
        let claims = json!(issue(&without, &names).access_token("id".into()));
        assert_eq!((&claims["aud"], &claims["scope"]), (&"https://sso.test/contoso.test".into(), &"openid".into()));
        assert_eq!((&claims["client_id"], &claims["jti"], claims.get("upn")), (&"app".into(), &"id".into(), None));
        let with = Grant { resource: Some("urn:api".into()), ..without };
        assert_eq!(json!(issue(&with, &names).access_token("id".into()))["aud"], "urn:api");
        let plain = Grant { scopes: Scopes::parse("api").unwrap(), ..with };
        assert!(issue(&plain, &names).id_token("", None).is_none());
    }

    #[test]
    fn access_token_names_the_client_in_appid_at_version_1_and_in_azp_at_version_2() {
        let (names, grant) = (HashMap::new(), grant("openid"));
        for (dialect, appid, azp) in [
            (Dialect::OAuth, None, None),
            (Dialect::Version1, Some("app"), None),
            (Dialect::Version2, None, Some("app")),
        ] {
            let claims = json!(Issue { dialect, ..issue(&grant, &names) }.access_token("id".into()));
            let text = |name: &str| claims.get(name).and_then(Value::as_str);
            assert_eq!((text("appid"), text("azp"), text("client_id")), (appid, azp, Some("app")), "{dialect:?}");
        }
    }

    #[test]
    fn sign_in_by_app_password_has_the_amr_app_password_and_the_acr_single() {
        let names = HashMap::new();
        let grant = Grant { app_password: Some([1; 16]), ..grant("openid") };
        let claims = json!(issue(&grant, &names).access_token("id".into()));
        assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["app_password"]), &ACR_SINGLE.into()));
    }

    #[test]
    fn groups_get_their_configured_names_and_more_than_200_groups_become_a_reference() {
        let groups = |count: u32| (0..count).map(|rid| format!("S-1-5-21-1-2-3-{rid}").parse().unwrap()).collect();
        let of = |count| Grant { user: User { groups: groups(count), ..user() }, ..grant("groups") };
        let names = HashMap::from([("S-1-5-21-1-2-3-7".parse().unwrap(), "Sales".to_owned())]);
        let whole = json!(issue(&of(200), &names).user_info());
        assert_eq!((whole["groups"].as_array().unwrap().len(), &whole["groups"][7]), (200, &"Sales".into()));
        let elsewhere = json!(issue(&of(201), &names).user_info());
        assert_eq!(elsewhere.get("groups"), None);
        assert_eq!(elsewhere["_claim_names"]["groups"], "src1");
        let endpoint = &elsewhere["_claim_sources"]["src1"]["endpoint"];
        assert_eq!(endpoint, "https://sso.test/contoso.test/oauth2/groups");
    }

    #[test]
    fn amr_and_acr_say_how_the_user_signed_in() {
        let of = |first, one_time_code| {
            let factors = Factors { first, one_time_code };
            (factors.amr().join(" "), factors.acr() == ACR_MULTI)
        };
        assert_eq!(of(FirstFactor::Ticket, false), ("wia".into(), false));
        assert_eq!(of(FirstFactor::Ticket, true), ("wia otp mfa".into(), true));
        assert_eq!(of(FirstFactor::Password, false), ("pwd".into(), false));
        assert_eq!(of(FirstFactor::Password, true), ("pwd otp mfa".into(), true));
        assert_eq!(of(FirstFactor::PasswordHash, false), ("pwd phs".into(), false));
        assert_eq!(of(FirstFactor::PasswordHash, true), ("pwd phs otp mfa".into(), true));
    }
}
