//! The grant of native clients: a client exchanges an assertion of this server, or the DesktopSsoToken in an assertion,
//! for tokens. RFC 7522 defines this grant for SAML 2.0, but Microsoft's clients send an assertion of SAML 1.1. An
//! assertion without a signature contains only a DesktopSsoToken.

use super::assertion::{self, Method, Verified};
use super::xml::{self, Element};
use super::{desktop_sso_token, in_background};
use crate::app::App;
use crate::oidc::{FirstFactor, User};
use crate::store::{StoreError, Use};
use crate::tenants::Tenant;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kerberos_sso::UnixTime;

/// The reason why an assertion is not redeemed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unredeemed {
    /// The assertion is refused. The text says why, to the developer of the client.
    Refused(&'static str),
    /// The tenant's clients have redeemed too many assertions.
    Full,
    /// The server cannot decide now.
    Undecided(String),
}

impl From<StoreError> for Unredeemed {
    fn from(error: StoreError) -> Self {
        Self::Undecided(error.to_string())
    }
}

/// The facts from an assertion that a client has redeemed.
#[derive(Debug)]
pub(crate) struct Redemption {
    pub(crate) user: User,
    /// The time at which the user signed in to the KDC.
    pub(crate) authenticated: UnixTime,
    /// The first authentication method of the sign-in, from the assertion.
    pub(crate) first: FirstFactor,
}

/// Returns the user of an assertion that no client has redeemed before.
///
/// # Errors
/// Returns why the assertion is not redeemed.
pub(crate) async fn redeem(app: &App, tenant: &Tenant, encoded: &str, now: UnixTime) -> Result<Redemption, Unredeemed> {
    let text = decode(encoded).ok_or(Unredeemed::Refused("the assertion is not base64"))?;
    let (issuer, keys) = (app.issuer(tenant), tenant.signing.keys(now).await?.rs256);
    let (secret, name) = (app.records.secret().clone(), tenant.name.clone());
    let verify = move || match alone(&text) {
        Some(token) => desktop_sso_token::open(&secret, &name, &token, now),
        None => assertion::verify(&keys, &issuer, &text, now),
    };
    let verified = in_background(verify).await;
    let verified = verified.map_err(|_| Unredeemed::Undecided("the assertion could not be verified".into()))?;
    let verified = verified.map_err(Unredeemed::Refused)?;
    let sid = verified.sign_in.subject.sid.parse().map_err(|_| Unredeemed::Refused("the assertion names no SID"))?;
    match app.used_assertions.take(&tenant.name, &verified, now).await? {
        Use::First => {}
        Use::Again => return Err(Unredeemed::Refused("the assertion was used before")),
        Use::Full => return Err(Unredeemed::Full),
    }
    let Verified { sign_in, .. } = verified;
    let user = User { sid, upn: sign_in.subject.upn, name: None, groups: Vec::new() };
    let first = match sign_in.method {
        Method::Ticket => FirstFactor::Ticket,
        Method::Password => FirstFactor::Password,
    };
    Ok(Redemption { user, authenticated: sign_in.authenticated, first })
}

/// Returns the tenant that an assertion names, for a request at `/common/…`. This function does not verify the assertion;
/// [`redeem`] does.
pub(crate) fn named_tenant(app: &App, encoded: &str) -> Option<Tenant> {
    let text = decode(encoded)?;
    if let Some(token) = alone(&text) {
        return app.tenants.get(&desktop_sso_token::tenant_of(app.records.secret(), &token)?);
    }
    let document = xml::parse(&text)?;
    let issuer = assertion::named_issuer(Element::root(&document)?)?;
    app.tenants.all().find(|tenant| app.issuer(tenant) == issuer).cloned()
}

/// Returns the DesktopSsoToken of an assertion that has nothing else.
fn alone(text: &str) -> Option<String> {
    let document = xml::parse(text)?;
    desktop_sso_token::alone_in(Element::root(&document)?)
}

/// Decodes base64 of either alphabet, with or without padding, because clients differ.
fn decode(text: &str) -> Option<String> {
    let bytes = URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
    String::from_utf8(bytes).ok()
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
