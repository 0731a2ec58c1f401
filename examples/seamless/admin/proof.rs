//! The proof that a keytab fits the directory: a real ticket for each service, judged as the sign-in server judges tickets.

use crate::arguments::Arguments;
use crate::directory::Domain;
use crate::kdc::{Client, KdcError};
use crate::keytab_file::AccountKeys;
use crate::tools::Tools;
use kerberos_sso::policy::{AccountPolicy, SEAMLESS_SSO_SERVICES};
use kerberos_sso::replay::Admission;
use kerberos_sso::{Account, Arrival, KeySet, Policy, ServiceKey, UnixTime, Validator};
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
        /// The verdict.
        refused: Box<kerberos_sso::Refused>,
    },
    /// The keytab cannot be read.
    #[error("the keytab cannot be read: {0}")]
    Keytab(#[from] kerberos_sso::keys::KeytabError),
}

/// Signs in as the account, gets a ticket for each service, and judges each by the keytab's octets.
///
/// # Errors
/// Returns [`NoProof`] with the first ticket that is not accepted.
pub fn prove(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    password: &str,
    keytab: &[u8],
) -> Result<(), NoProof> {
    let name = arguments.account_name();
    for service in SEAMLESS_SSO_SERVICES {
        let client = Client::Account { name: &name, password };
        let ticket = tools.kdc.ticket(&arguments.kdc(), client, service)?;
        judge(&ticket.token, keytab, &name, domain, tools.clock.now())
            .map_err(|refused| NoProof::Refused { service, refused })?;
    }
    // The octets were judged above; here the parser of the server says that it can read them.
    AccountKeys::parse(keytab, &name, &domain.realm())?;
    Ok(())
}

/// Judges a token by the policy of the sign-in server. The client is the account itself, so it need not be a person.
fn judge(
    token: &[u8],
    keytab: &[u8],
    name: &str,
    domain: &Domain,
    now: UnixTime,
) -> Result<(), Box<kerberos_sso::Refused>> {
    let realm = domain.realm();
    let names: Vec<_> = [name].into_iter().chain(SEAMLESS_SSO_SERVICES).map(|name| format!("{name}@{realm}")).collect();
    let entries =
        kerberos_sso::Keytab::parse(keytab).map(|keytab| keytab.only(names.iter().map(String::as_str)).into_entries());
    let keys = entries.into_iter().flatten().filter_map(|entry| Some(ServiceKey::new(entry.key?, Some(entry.kvno))));
    let account = Account::new(name, &realm).of_active_directory().with_domain_sid(domain.sid).with_keys(keys);
    let policy = Policy::seamless_sso().with_accounts(AccountPolicy::Any);
    let validator = Validator::staged(KeySet::from(account), policy);
    let verdict = (|| {
        let opened = validator.open(validator.read(token)?, now)?;
        // This process made the authenticator and sent it nowhere, so it is no replay.
        validator.authorize(validator.verify(opened, Arrival::at(now))?)?.admit(Admission::New)
    })();
    verdict.map(drop).map_err(Box::new)
}
