//! The form of an account in the store. The SIDs of the groups are stored by domain, each domain once. So even an
//! account with the greatest allowed number of groups fits into one entry of the store.

use kerberos_sso::Sid;
use seamless_phs::Account;
use serde::{Deserialize, Serialize};

/// An account, and its groups by domain.
#[derive(Serialize, Deserialize)]
pub(super) struct Packed {
    account: Account,
    /// The groups that were removed from the account: each domain, with the RIDs of its groups.
    #[serde(default)]
    groups: Vec<(Sid, Vec<u32>)>,
}

impl Packed {
    pub(super) fn new(account: &Account) -> Self {
        let (mut rest, mut groups) = (Vec::new(), Vec::<(Sid, Vec<u32>)>::new());
        for group in &account.groups {
            let (Some(domain), Some(rid)) = (group.domain(), group.rid()) else {
                rest.push(*group);
                continue;
            };
            match groups.iter_mut().find(|(of, _)| *of == domain) {
                Some((_, rids)) => rids.push(rid),
                None => groups.push((domain, vec![rid])),
            }
        }
        Self { account: Account { groups: rest, ..account.clone() }, groups }
    }

    pub(super) fn unpacked(self) -> Account {
        let Self { mut account, groups } = self;
        let of = |(domain, rids): (Sid, Vec<u32>)| rids.into_iter().filter_map(move |rid| domain.join(rid));
        account.groups.extend(groups.into_iter().flat_map(of));
        account
    }
}
