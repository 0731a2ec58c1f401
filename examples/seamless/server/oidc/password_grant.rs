//! The password grant (RFC 6749 section 4.3). A mail server, or a similar server, uses the grant to check the password
//! that a user's program sent to it. RFC 9700 section 2.4 forbids this grant in general. So a client may use the grant
//! only if the configuration registers the client with a secret and with `"grants": ["password"]`.
//!
//! - If the tenant has app passwords, the server recognises an app password by its format, and never sends an app
//!   password to the directory. Every other password goes through the check of the sign-in page, with the same
//!   throttle, lockout, log and time.
//! - If the configuration demands a one-time code for the tenant, the user, the client or the resource, the server
//!   refuses the directory's password. The server accepts an app password if the user entered a code before they made
//!   the app password.
//! - All refusals about the user have the same text and take the same time. So an attacker cannot learn whether a user
//!   exists, is locked, or has this password. The log has the reason.
//! - The requests for all users of a mail server come from the mail server's address. So no lockout counts this
//!   address. If the client sends the address of its user (`user_address_header`), the lockout counts the user's
//!   address.

use super::clients::GrantType;
use super::error::ErrorCode;
use super::grants::{Factors, FirstFactor, Grant, Redeemed};
use super::token::{Refusal, TokenRequest};
use super::user::User;
use crate::app_password::{self, AppPassword, Presented};
use crate::authenticated::Authenticated;
use crate::directory;
use crate::metrics::SignInMethod;
use crate::native::Code;
use crate::store::Locator;
use crate::user_name::UserName;
use std::time::Duration;
use thiserror::Error;
use tokio::time::{Instant, sleep_until};

/// A user whose password was accepted.
struct SignedIn {
    user: User,
    first: FirstFactor,
    /// The app password of the sign-in, or `None` if the password is the directory's.
    app_password: Option<Locator>,
}

#[derive(Debug, Error)]
enum Refused {
    #[error("the name is no user name")]
    NotAName,
    #[error("the name is of another tenant")]
    OtherTenant,
    #[error(transparent)]
    Directory(directory::Refusal),
    #[error(transparent)]
    AppPassword(app_password::Refusal),
    #[error("a one-time code is demanded: use an app password that the user made after entering a code")]
    ProofNeeded,
    #[error("the directory gave no SID of the account")]
    NoSid,
}

impl Refused {
    /// Returns the code of the reason, for the metrics.
    fn code(&self) -> &'static str {
        match self {
            Self::NotAName => "not-a-name",
            Self::OtherTenant => "other-tenant",
            Self::Directory(refusal) => refusal.code(),
            Self::AppPassword(refusal) => refusal.code(),
            Self::ProofNeeded => "proof-needed",
            Self::NoSid => "no-sid",
        }
    }

    /// Returns the error number that native clients read.
    const fn number(&self) -> Code {
        match self {
            Self::NotAName => Code::WrongPassword,
            Self::OtherTenant => Code::NoTenantNamed,
            Self::Directory(refusal) => Code::of_password(refusal),
            Self::AppPassword(refusal) => match refusal {
                app_password::Refusal::TooManyWrong(_) | app_password::Refusal::TooManyFromAddress(_) => Code::Locked,
                app_password::Refusal::Store(_) => Code::Unavailable,
                _ => Code::WrongPassword,
            },
            Self::ProofNeeded => Code::ProofNeeded,
            Self::NoSid => Code::NoUser,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused.number() {
            // The password may be right, so the error must not make the user's program ask for another password.
            Code::Unavailable => Self::Server(refused.to_string()),
            number => {
                let text = "the name or the password is not right, or this sign-in needs more than this password";
                Self::Numbered(ErrorCode::InvalidGrant.because(text), number)
            }
        }
    }
}

impl TokenRequest<'_> {
    pub(super) async fn by_password(&self) -> Result<Redeemed, Refusal> {
        let (scopes, resource) = self.asked()?;
        let (name, password) = (self.parameters.required("username")?, self.parameters.required("password")?);
        let wait = Duration::from_secs(self.app.limits.password_seconds);
        let deadline = Instant::now().checked_add(wait).unwrap_or_else(Instant::now);
        let signed_in = match self.sign_in(name, password, resource.as_deref()).await {
            Ok(signed_in) => signed_in,
            Err(refused) => {
                sleep_until(deadline).await;
                return Err(refused.into());
            }
        };
        let grant = Grant {
            tenant: self.tenant.name.to_string(),
            client_id: self.client.id.clone(),
            user: signed_in.user,
            scopes,
            resource,
            nonce: None,
            authenticated: self.now.seconds(),
            factors: Factors { first: signed_in.first, one_time_code: false },
            stay: None,
            app_password: signed_in.app_password,
        };
        let with_refresh_token = self.client.may_use(GrantType::RefreshToken);
        Ok(self.app.grants.begin_redeemed(grant, with_refresh_token, self.now).await?)
    }

    async fn sign_in(&self, name: &str, password: &str, resource: Option<&str>) -> Result<SignedIn, Refused> {
        let (tenant, metrics) = (&*self.tenant.name, &self.app.metrics);
        let (config, secret) = (self.tenant.app_passwords.as_ref(), self.app.records.secret());
        let app_password = config.and_then(|config| Some((config, AppPassword::parse(secret, password)?)));
        let method = if app_password.is_some() { SignInMethod::AppPassword } else { SignInMethod::PasswordGrant };
        let signed_in = match (UserName::parse(name), app_password) {
            (None, _) => Err(Refused::NotAName),
            (Some(user), _) if self.app.tenants.is_of_another(&user, self.tenant) => Err(Refused::OtherTenant),
            (Some(user), Some((config, password))) => self.by_app_password(config, &user, &password, resource).await,
            (Some(user), None) => self.by_directory(&user, password, resource).await,
        };
        metrics.signed_in(method, signed_in.as_ref().err().map_or("accepted", Refused::code));
        match &signed_in {
            Ok(SignedIn { user, app_password, .. }) => {
                let by = if app_password.is_some() { "an app password" } else { "the directory's password" };
                tracing::info!(tenant, client_id = self.client.id, upn = user.upn, "signed in by {by}");
            }
            Err(refused) => {
                tracing::warn!(tenant, client_id = self.client.id, typed = ?name, "no sign-in by the password grant: {refused}");
            }
        }
        signed_in
    }

    async fn by_directory(&self, user: &UserName, password: &str, resource: Option<&str>) -> Result<SignedIn, Refused> {
        let address = self.client.user_address(self.headers);
        let signed_in = directory::sign_in(&self.app.lockout, self.tenant, user, password, address).await;
        let Authenticated { identity, method, .. } = signed_in.map_err(Refused::Directory)?;
        let user = User::of_session(&identity).ok_or(Refused::NoSid)?;
        if self.needs_proof(&user, resource) {
            return Err(Refused::ProofNeeded);
        }
        Ok(SignedIn { user, first: method.into(), app_password: None })
    }

    async fn by_app_password(
        &self,
        config: &app_password::Config,
        user: &UserName,
        password: &AppPassword,
        resource: Option<&str>,
    ) -> Result<SignedIn, Refused> {
        let presented = Presented { user, password, address: self.client.user_address(self.headers) };
        let signed_in = self.app.passwords.sign_in(&self.app.lockout, self.tenant, config, presented, self.now).await;
        let app_password::SignedIn { locator, user, is_proved } = signed_in.map_err(Refused::AppPassword)?;
        if !is_proved && self.needs_proof(&user, resource) {
            return Err(Refused::ProofNeeded);
        }
        Ok(SignedIn { user, first: FirstFactor::Password, app_password: Some(locator) })
    }

    /// Returns whether the configuration demands a one-time code for the tenant, the user, the client or the resource.
    fn needs_proof(&self, user: &User, resource: Option<&str>) -> bool {
        let proofs = &self.tenant.proofs;
        proofs.are_needed(Some(user.sid)) || proofs.are_needed_for(self.client, resource)
    }
}
