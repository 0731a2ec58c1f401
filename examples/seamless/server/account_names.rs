//! Maps user principal names to account names, so that each user has one counter of wrong passwords.
//!
//! A user signs in as `bob` or as `robert.nandu@contoso.test`, if the directory has this principal name. Until the user enters
//! the right password, the server does not know that both names are of one account. Only the directory knows both
//! names, and the directory answers only a user who has proved the password. After a right password, the PAC in the
//! user's ticket has both names. The server remembers both names for [`KNOWN_TIME`] seconds, for all nodes.
//!
//! Until the server knows both names, an attacker can guess twice as often, because each name has its own counter. The server
//! remembers the whole principal name, not only the part before the at sign. A principal name that begins with `bob`
//! and has another suffix may be of another user. The right password of that user must not reset the counter of `bob`.

use crate::store::{Key, Kind, Records, When};
use crate::user_name::UserName;
use kerberos_sso::{SessionIdentity, UnixTime};

/// The account names that the server has learned.
pub(crate) struct AccountNames(Records);

impl AccountNames {
    pub(crate) const fn new(records: Records) -> Self {
        Self(records)
    }

    /// Returns the account name of a user, in lower case. If the server does not know a principal name, the account name is
    /// the part before the at sign.
    pub(crate) async fn of(&self, tenant: &str, user: &UserName) -> String {
        if let UserName::Principal { name, .. } = user
            && let Ok(Some(account)) = self.0.get(&self.key(tenant, name)).await
        {
            return account;
        }
        user.clone().into_account().to_lowercase()
    }

    /// Remembers the names of a user who has signed in by password.
    pub(crate) async fn learn(&self, tenant: &str, typed: &UserName, identity: &SessionIdentity, now: UnixTime) {
        let Some(account) = identity.account_name.as_ref().map(|account| account.to_lowercase()) else { return };
        let typed = match typed {
            UserName::Principal { .. } => Some(typed.to_string()),
            _ => None,
        };
        for principal in identity.upn.iter().chain(&typed) {
            if UserName::parse(principal).is_some_and(|user| user.into_account().to_lowercase() == account) {
                continue;
            }
            let (key, end) = (self.key(tenant, principal), now.saturating_add_seconds(KNOWN_TIME));
            if let Err(error) = self.0.put(&key, &account, end, When::Always).await {
                tracing::warn!("the account name of a user is not remembered: {error}");
            }
        }
    }

    fn key(&self, tenant: &str, principal: &str) -> Key {
        let principal = principal.to_lowercase();
        Key::new(Kind::AccountName, &self.0.secret().name(&[b"principal", tenant.as_bytes(), principal.as_bytes()]))
    }
}

/// The time for which the server remembers an account name after a right password, in seconds.
const KNOWN_TIME: i64 = 30 * 24 * 60 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use kerberos_sso::replay::NoReplayCache;
    use kerberos_sso::testing::TestRealm;
    use kerberos_sso::{Policy, Validator};

    /// Lets the server learn the names of the user `bob`, whose principal name is `upn`.
    async fn learned(upn: &str) -> AccountNames {
        let names = AccountNames::new(Records::for_tests());
        let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
        let token = realm.ticket_for("bob").pac(|pac| pac.upn_dns_info.upn = upn.into());
        let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
        let accepted = validator.validate_ticket(&token.mint(), TestRealm::NOW).unwrap();
        let (typed, identity) = (UserName::parse("bob").unwrap(), accepted.identity().to_session());
        names.learn("contoso.test", &typed, &identity, crate::clock::now()).await;
        names
    }

    async fn account(names: &AccountNames, tenant: &str, typed: &str) -> String {
        names.of(tenant, &UserName::parse(typed).unwrap()).await
    }

    #[tokio::test]
    async fn principal_name_gives_the_account_name_after_the_user_has_signed_in() {
        let names = learned("Robert.Nandu@contoso.test").await;
        for typed in
            ["robert.nandu@contoso.test", "ROBERT.NANDU@Contoso.Test", "bob", r"CONTOSO\Bob", "bob@contoso.test"]
        {
            assert_eq!(account(&names, "contoso.test", typed).await, "bob", "{typed}");
        }
        for (tenant, typed) in [
            ("contoso.test", "robert.nandu"),
            ("contoso.test", r"CONTOSO\robert.nandu"),
            ("contoso.test", "robert.nandu@fabrikam.test"),
            ("fabrikam.test", "robert.nandu@contoso.test"),
        ] {
            assert_eq!(account(&names, tenant, typed).await, "robert.nandu", "{tenant} {typed}");
        }
    }

    /// The principal name of bob begins with the account name of alice.
    #[tokio::test]
    async fn account_alice_keeps_its_name_when_the_principal_name_of_bob_begins_with_alice() {
        let names = learned("alice@contoso-corp.example").await;
        assert_eq!(account(&names, "contoso.test", "alice@contoso-corp.example").await, "bob");
        for typed in ["alice", r"CONTOSO\alice", "alice@contoso.test"] {
            assert_eq!(account(&names, "contoso.test", typed).await, "alice", "{typed}");
        }
    }
}
