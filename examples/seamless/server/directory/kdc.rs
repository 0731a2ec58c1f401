//! Checks passwords with the tenant's KDC, without an agent. This server must be able to reach the KDC.

use super::{Refusal, accept};
use crate::tenants::Tenant;
use crate::user_name::UserName;
use kerberos_sso::{Accepted, ChannelBindings};
use seamless_kdc::Kdc;
use seamless_pta::User;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Checks a password. The token cannot be a replay, because this process makes the authenticator and sends it to no
/// other process.
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

/// The application data of the channel bindings in a ticket for a password. The ticket has bindings, so every setting
/// of `channel_bindings` accepts it. Only the check of a password in this process accepts these bindings.
const BINDING: &[u8] = b"seamless:password";
