//! The grant of native clients: an assertion of this server is exchanged for tokens. The assertion is sent as in RFC 7522,
//! but in the form of SAML 1.1, as Microsoft's clients send it.

use super::assertion;
use super::in_background;
use crate::app::App;
use crate::oidc::User;
use crate::store::StoreError;
use crate::tenants::Tenant;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kerberos_sso::UnixTime;

/// The reason why an assertion is not redeemed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unredeemed {
    /// A sentence for the developer of the client.
    Refused(&'static str),
    /// The server cannot decide now.
    Undecided(String),
}

impl From<StoreError> for Unredeemed {
    fn from(error: StoreError) -> Self {
        Self::Undecided(error.to_string())
    }
}

/// Returns the user of an assertion that no client has redeemed before, and the time at which the user signed in to the KDC.
///
/// # Errors
/// Returns why the assertion is not redeemed.
pub(crate) async fn redeem(
    app: &App,
    tenant: &Tenant,
    encoded: &str,
    now: UnixTime,
) -> Result<(User, UnixTime), Unredeemed> {
    let text = decode(encoded).ok_or(Unredeemed::Refused("the assertion is not base64"))?;
    let (issuer, keys) = (app.issuer(tenant), tenant.signing.keys(now).await?);
    let verified = in_background(move || assertion::verify(&keys, &issuer, &text, now)).await;
    let verified = verified.map_err(|_| Unredeemed::Undecided("the assertion could not be verified".into()))?;
    let verified = verified.map_err(Unredeemed::Refused)?;
    let sid = verified.subject.sid.parse().map_err(|_| Unredeemed::Refused("the assertion names no SID"))?;
    if !app.used_assertions.take(&verified, now).await? {
        return Err(Unredeemed::Refused("the assertion was used before"));
    }
    let user = User { sid, upn: verified.subject.upn, name: None, groups: Vec::new() };
    Ok((user, verified.authenticated))
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
