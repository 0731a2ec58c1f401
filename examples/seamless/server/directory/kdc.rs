//! Asks the KDC of the tenant itself. This server must reach the KDC.

use super::{Refusal, accept};
use crate::tenants::Tenant;
use crate::user_name::UserName;
use kerberos_sso::{Accepted, ChannelBindings};
use seamless_kdc::Kdc;
use seamless_pta::User;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Checks a password. This process makes the authenticator and sends it to no other process, so the authenticator is no
/// replay.
pub(super) async fn check(
    kdc: &Arc<Kdc>,
    tenant: &Tenant,
    user: &UserName,
    password: Zeroizing<String>,
) -> Result<Accepted, Refusal> {
    let user = User::parse(&user.to_string()).ok_or(Refusal::UnknownUser)?;
    let token = kdc.token(&user, password, BINDING).await.map_err(Refusal::of_kdc)?;
    let accepted = accept(&tenant.validator(), &token, ChannelBindings::new(BINDING));
    accepted.map_err(|refused| Refusal::NotOurs(Box::new(refused)))
}

/// The channel of a password's ticket is this process. So the ticket is good at every level of channel bindings, and
/// only here.
const BINDING: &[u8] = b"seamless:password";
