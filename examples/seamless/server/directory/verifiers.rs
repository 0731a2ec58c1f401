//! Checks passwords with the verifiers that a source sent (`hashes`). The server does not need to reach the directory.

use super::Refusal;
use crate::authenticated::Authenticated;
use crate::clock;
use crate::hashes::{Checked, Checks, Table, Unchecked};
use crate::session::Method;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use kerberos_sso::{SessionIdentity, Sid};
use seamless_phs::{Account, Verdict};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The verifiers of a tenant.
pub(crate) struct Verifiers {
    table: Table,
    checks: Checks,
}

impl Verifiers {
    pub(crate) const fn new(table: Table, checks: Checks) -> Self {
        Self { table, checks }
    }

    /// Checks a password.
    ///
    /// # Errors
    /// Returns why the user is not signed in.
    pub(super) async fn check(
        &self,
        tenant: &Tenant,
        user: &UserName,
        password: &str,
    ) -> Result<Authenticated, Refusal> {
        let now = clock::now();
        let checked = self.checks.check(&self.table, user, password, now).await;
        let Checked { account, verdict, derived } = checked.map_err(|unchecked| match unchecked {
            Unchecked::Busy => Refusal::Busy,
            unchecked => Refusal::NoVerifiers(unchecked.to_string()),
        })?;
        let is_known = account.is_some();
        match (verdict, account) {
            (Verdict::SignedIn, Some(account)) => {
                let identity = identity(&account, &tenant.realm)
                    .ok_or_else(|| Refusal::NoVerifiers("the record of the account gives no valid identity".into()))?;
                tenant.count_administrator(&identity);
                Ok(Authenticated { identity, domain: None, method: Method::PasswordHash, at: now })
            }
            (Verdict::Disabled, _) => Err(Refusal::Disabled),
            (Verdict::Locked, _) => Err(Refusal::Locked),
            (Verdict::AccountExpired, _) => Err(Refusal::AccountExpired),
            (Verdict::PasswordExpired, _) => Err(Refusal::PasswordExpired),
            (Verdict::MustChange, _) => Err(Refusal::MustChange),
            (Verdict::Wrong | Verdict::SignedIn, _) => Err(Refusal::WrongHere { is_known, derived }),
        }
    }
}

/// Returns the identity of an account, as its ticket would have it.
fn identity(account: &Account, realm: &Arc<str>) -> Option<SessionIdentity> {
    let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (domain, rid) in account.groups.iter().filter_map(|group: &Sid| Some((group.domain()?, group.rid()?))) {
        groups.entry(domain.to_string()).or_default().push(rid);
    }
    for rids in groups.values_mut() {
        rids.sort_unstable();
        rids.dedup();
    }
    let identity = json!({
        "sid": account.sid,
        "name": account.name,
        "realm": &**realm,
        "account_name": account.name,
        "full_name": account.full_name,
        "upn": account.upn,
        "groups": groups,
    });
    serde_json::from_value(identity).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use seamless_phs::verifier::Parameters;
    use seamless_phs::{Lock, NtHash};

    #[test]
    fn identity_is_made_from_the_sid_and_groups_and_names_of_the_record() {
        let sid = |text: &str| text.parse::<Sid>().unwrap();
        let account = Account {
            sid: sid("S-1-5-21-1-2-3-1105"),
            name: "alice".into(),
            upn: Some("alice@contoso.example".into()),
            alternate: None,
            full_name: Some("Alice Anderson".into()),
            groups: vec![sid("S-1-5-21-1-2-3-1200"), sid("S-1-5-21-1-2-3-513"), sid("S-1-5-21-4-5-6-1300")],
            verifier: Parameters::new([1; 10], 1000).unwrap().derive(&NtHash::of_password("x")),
            disabled: false,
            lock: Lock::Open,
            account_expires: None,
            password_expires: None,
            must_change: false,
        };
        let identity = identity(&account, &"CONTOSO.TEST".into()).unwrap();
        assert_eq!((identity.sid, identity.realm.as_str()), (Some(account.sid), "CONTOSO.TEST"));
        assert_eq!(
            (identity.upn.as_deref(), identity.full_name.as_deref()),
            (Some("alice@contoso.example"), Some("Alice Anderson"))
        );
        assert_eq!(crate::principal::of(&identity), "alice@CONTOSO.TEST");
        let mut groups: Vec<_> = identity.groups().collect();
        let mut expected = account.groups;
        groups.sort_unstable_by_key(ToString::to_string);
        expected.sort_unstable_by_key(ToString::to_string);
        assert_eq!(groups, expected);
    }
}
