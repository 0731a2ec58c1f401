//! The user of a grant, and the subject that a client gets for the user.

use crate::principal;
use crate::store::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::{SessionIdentity, Sid};
use serde::{Deserialize, Serialize};

/// The facts that the server tells clients about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// The SID identifies the account. A name does not: it may later belong to another account, and an account may get
    /// another name.
    pub(crate) sid: Sid,
    pub(crate) upn: String,
    /// The full name.
    pub(crate) name: Option<String>,
    #[serde(with = "by_domain")]
    pub(crate) groups: Vec<Sid>,
}

/// The form of groups in the store: for each domain, the relative identifiers of its groups. A SID as text has 47
/// octets. If the groups of a user were SIDs as text, the entry of a user in 1,300 groups would exceed the store's
/// limit.
mod by_domain {
    use kerberos_sso::Sid;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(groups: &[Sid], serializer: S) -> Result<S::Ok, S::Error> {
        let mut domains: Vec<(String, Vec<u32>)> = Vec::new();
        for group in groups {
            let text = group.to_string();
            let (domain, rid) = text.rsplit_once('-').unwrap_or((&text, ""));
            let Ok(rid) = rid.parse() else { continue };
            match domains.last_mut().filter(|(last, _)| last == domain) {
                Some((_, rids)) => rids.push(rid),
                None => domains.push((domain.into(), vec![rid])),
            }
        }
        domains.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Sid>, D::Error> {
        let domains = Vec::<(String, Vec<u32>)>::deserialize(deserializer)?;
        let sids = domains.iter().flat_map(|(domain, rids)| rids.iter().map(move |rid| format!("{domain}-{rid}")));
        sids.map(|sid| sid.parse().map_err(D::Error::custom)).collect()
    }
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
    /// 8.1). The subject does not depend on the name, so it stays the same if the user gets a new name. Clients of two
    /// sectors cannot find out by the subject that they have the same user.
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
    fn user_in_3000_groups_of_two_domains_is_read_back_and_takes_less_than_32_kib() {
        let of = |domain: &'static str| (1_000..2_500).map(move |rid| format!("{domain}-{rid}").parse().unwrap());
        let domains = ["S-1-5-21-2414420194-2443536277-2568925871", "S-1-5-21-1-2-3"];
        let other = ["S-1-18-1".parse().unwrap(), "S-1-5-21-1-2-3-4294967295".parse().unwrap()];
        let groups = domains.into_iter().flat_map(of).chain(other).collect();
        let user = User { groups, ..user() };
        let json = serde_json::to_vec(&user).unwrap();
        assert!(json.len() < 32 * 1024, "{}", json.len());
        assert_eq!(serde_json::from_slice::<User>(&json).unwrap(), user);
    }

    #[test]
    fn subject_stays_the_same_if_the_user_gets_a_new_name_and_differs_between_sectors_or_tenants_or_accounts() {
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
