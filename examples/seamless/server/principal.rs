//! The name by which the server shows a user on pages and in the log.

use kerberos_sso::{SessionIdentity, error::BoundedText};

/// Returns the account's name and its realm, like `alice@CONTOSO.TEST`, with control characters escaped for the log.
///
/// The name in the ticket depends on how the user signed in to the KDC. A user who types a user principal name gets a ticket
/// for that enterprise name (RFC 6806 section 5). A browser has a ticket for the account's name. The PAC names the account in
/// both cases.
pub(crate) fn of(identity: &SessionIdentity) -> String {
    let account = identity.account_name.as_ref().unwrap_or(&identity.name);
    format!("{}@{}", BoundedText::new(account), BoundedText::new(&identity.realm))
}

/// Returns the user principal name in the PAC. If the PAC has no such name, returns the implicit name of Active Directory: the
/// account's name and the DNS name of its domain (MS-ADTS section 5.1.1.1.1).
pub(crate) fn upn(identity: &SessionIdentity) -> String {
    // The name in the ticket may be a user principal name, whose at sign is escaped.
    let account = identity.account_name.as_ref().unwrap_or(&identity.name);
    let upn = identity.upn.clone().filter(|upn| !upn.is_empty());
    upn.unwrap_or_else(|| format!("{account}@{}", identity.realm.to_lowercase()))
}

/// Returns the name that [`of`] returns, followed by the SID in parentheses.
pub(crate) fn with_sid(identity: &SessionIdentity) -> String {
    let principal = of(identity);
    identity.sid.map_or_else(|| principal.clone(), |sid| format!("{principal} ({sid})"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::oidc::Clients;
    use crate::replay::Replays;
    use crate::store::Records;
    use crate::tenants::Tenants;
    use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
    use kerberos_sso::testing::NameParts;
    use kerberos_sso::ticket::NameType;

    /// If a request for an enterprise name does not have the option `canonicalize`, Samba and Active Directory issue a
    /// ticket for that enterprise name.
    #[tokio::test]
    async fn tickets_for_the_enterprise_name_and_the_account_name_show_the_same_principal() {
        let tenant =
            Tenants::of_test_realm(&Replays::for_tests(), &Records::for_tests(), Clients::default()).await.unwrap();
        let tenant = tenant.test_tenant().unwrap();
        let [service, ..] = SEAMLESS_SSO_SERVICES;
        let token = tenant.test_realm.as_ref().unwrap().ticket_for("alice").service(service).at(clock::now());
        let by_password = token.clone().client(NameParts::single(NameType::ENTERPRISE, "alice@contoso.test"));
        for (token, in_the_ticket) in [(token, "alice"), (by_password, r"alice\@contoso.test")] {
            let accepted = tenant.validator().validate_ticket_async(&token.mint(), clock::now()).await.unwrap();
            let identity = accepted.identity().to_session();
            assert_eq!((identity.name.as_str(), of(&identity).as_str()), (in_the_ticket, "alice@CONTOSO.TEST"));
        }
    }
}
