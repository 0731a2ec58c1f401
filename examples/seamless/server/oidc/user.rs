//! The user of a grant, and the subject by which a client knows the user.

use crate::principal;
use crate::store::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::{SessionIdentity, Sid};
use serde::{Deserialize, Serialize};

/// What the server tells clients about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// The account. A name may later belong to another account, and an account may get another name.
    pub(crate) sid: Sid,
    pub(crate) upn: String,
    /// The full name.
    pub(crate) name: Option<String>,
    pub(crate) groups: Vec<Sid>,
}

impl User {
    /// Returns the user of a session, or `None` if the user has no SID. A name alone does not identify an account.
    pub(crate) fn of_session(identity: &SessionIdentity) -> Option<Self> {
        Some(Self {
            sid: identity.sid?,
            upn: principal::upn(identity),
            name: identity.full_name.clone(),
            groups: identity.groups().collect(),
        })
    }

    /// Returns the subject of the user for the clients of a sector: a pairwise identifier (OpenID Connect Core 1.0 section
    /// 8.1). The subject depends on the SID alone, so it outlives a new name. Clients of two sectors cannot compare their
    /// users.
    pub(crate) fn subject(&self, secret: &Secret, tenant: &str, sector: &str) -> String {
        let sid = self.sid.to_bytes();
        URL_SAFE_NO_PAD.encode(secret.name(&[b"subject", tenant.as_bytes(), sector.as_bytes(), sid.as_ref()]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn user() -> User {
        User {
            sid: "S-1-5-21-1-2-3-1104".parse().unwrap(),
            upn: "alice@contoso.test".into(),
            name: Some("Alice".into()),
            groups: vec!["S-1-5-21-1-2-3-513".parse().unwrap()],
        }
    }

    #[test]
    fn subject_outlives_a_new_name_and_differs_for_each_sector_tenant_and_account() {
        let (secret, alice) = (Secret::new([1; 32]), user());
        let subject = |user: &User, tenant, sector| user.subject(&secret, tenant, sector);
        let first = subject(&alice, "a.test", "app.test");
        let renamed = User { upn: "alice.new@contoso.test".into(), name: None, groups: Vec::new(), ..alice.clone() };
        assert_eq!(subject(&renamed, "a.test", "app.test"), first);
        let other = User { sid: "S-1-5-21-1-2-3-1105".parse().unwrap(), ..alice.clone() };
        for another in [
            subject(&other, "a.test", "app.test"),
            subject(&alice, "b.test", "app.test"),
            subject(&alice, "a.test", "other.test"),
            alice.subject(&Secret::new([2; 32]), "a.test", "app.test"),
        ] {
            assert_ne!(another, first);
        }
        assert_eq!(first.len(), 43);
    }
}
