//! The proof that a keytab fits the directory: the tool gets a real ticket for each service, and validates it as the
//! sign-in server would.

use crate::arguments::Arguments;
use crate::directory::Domain;
use crate::kdc::{Client, KdcError};
use crate::keytab_file::AccountKeys;
use crate::tools::Tools;
use kerberos_sso::policy::{AccountPolicy, SEAMLESS_SSO_SERVICES};
use kerberos_sso::replay::Admission;
use kerberos_sso::{Account, Arrival, KeySet, Policy, Refused, UnixTime, Validator};
use thiserror::Error;

/// The reason for which there is no proof.
#[derive(Debug, Error)]
pub enum NoProof {
    /// The KDC gives no ticket.
    #[error(transparent)]
    Kdc(#[from] KdcError),
    /// The library refuses the ticket.
    #[error("the library refuses the ticket of {service}: {refused} ({})", .refused.code())]
    Refused {
        /// The service of the ticket.
        service: &'static str,
        /// The reason why the library refused the ticket.
        refused: Box<Refused>,
    },
    /// The keytab cannot be read.
    #[error("the keytab cannot be read: {0}")]
    Keytab(#[from] kerberos_sso::keys::KeytabError),
}

/// Signs in as the account, gets a ticket for each service, and validates each ticket with the keys in the keytab's
/// octets.
///
/// # Errors
/// Returns [`NoProof`] for the first ticket that the KDC does not issue or the library does not accept.
pub fn prove(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    password: &str,
    keytab: &[u8],
) -> Result<(), NoProof> {
    let name = arguments.account_name();
    let account = AccountKeys::parse(keytab, &name, &domain.realm())?.with_keys();
    let validator = validator(account.of_active_directory().with_domain_sid(domain.sid));
    for service in SEAMLESS_SSO_SERVICES {
        let client = Client::Account { name: &name, password };
        let ticket = tools.kdc.ticket(&arguments.kdc(), client, service)?;
        judge(&validator, &ticket.token, tools.clock.now())
            .map_err(|refused| NoProof::Refused { service, refused: Box::new(refused) })?;
    }
    Ok(())
}

/// Returns whether a key of the keytab decrypts a ticket. The ticket's client can be any user.
#[must_use]
pub fn opens(keys: &AccountKeys, token: &[u8], now: UnixTime) -> bool {
    let validator = validator(keys.with_keys());
    validator.read(token).is_ok_and(|request| validator.open(request, now).is_ok())
}

/// Makes a validator with the policy of the sign-in server. The ticket's client is the account itself, so the validator
/// does not demand that the client is a person.
fn validator(account: Account) -> Validator {
    Validator::staged(KeySet::from(account), Policy::seamless_sso().with_accounts(AccountPolicy::Any))
}

fn judge(validator: &Validator, token: &[u8], now: UnixTime) -> Result<(), Refused> {
    let opened = validator.open(validator.read(token)?, now)?;
    // This process made the authenticator and sent it to nobody, so the authenticator is no replay.
    validator.authorize(validator.verify(opened, Arrival::at(now))?)?.admit(Admission::New).map(drop)
}
