//! The rules by which the server takes or refuses a change.

use crate::batch::{MAX_GROUPS, MAX_NAME};
use crate::record::{Account, ObjectId, Record};
use crate::verifier::MIN_ITERATIONS;
use kerberos_sso::Sid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The rules of a tenant.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The SIDs of the tenant's domains.
    pub domains: Vec<Sid>,
    /// Whether accounts with a RID below 1000 may sign in by a verifier. These are accounts that every domain has, such as
    /// `Administrator`.
    pub built_in_accounts: bool,
    /// The smallest number of iterations of a verifier.
    pub min_iterations: u32,
}

/// What the server knows of the last change that it took for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The directory server that numbered the change.
    pub source: ObjectId,
    /// The number of the change.
    pub usn: u64,
}

/// The reason why a record is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The server has this change of the object, or a later change.
    #[error("the server has this or a later change of the object")]
    Older,
    /// The record removes an object that the server does not have.
    #[error("the server does not have the removed object")]
    UnknownObject,
    /// The SID is not of the tenant's domains.
    #[error("the SID is not of the tenant's domains")]
    ForeignSid,
    /// The account is one that every domain has.
    #[error("the RID is below 1000, and the tenant does not allow such accounts")]
    BuiltInAccount,
    /// The verifier has fewer iterations than the tenant demands.
    #[error("the verifier has too few iterations")]
    Iterations,
    /// The record does not have the form of a record.
    #[error("the record cannot be read")]
    Format,
    /// The batch has another record of the object.
    #[error("the batch has two records of the object")]
    Twice,
    /// A name of the account is too long.
    #[error("a name has more than {MAX_NAME} octets")]
    LongName,
    /// The account has too many groups.
    #[error("the account has more than {MAX_GROUPS} groups")]
    ManyGroups,
    /// The store takes no value of this size.
    #[error("the account is too large for the store")]
    TooLarge,
    /// The tenant has as many accounts as it may have.
    #[error("the tenant has as many accounts as it may have (`max_accounts`)")]
    Full,
    /// Another source sends the accounts of the domain.
    #[error("another source sends the accounts of this domain; use its folder, or revoke it on the server")]
    OtherSource,
}

impl Rules {
    /// Checks whether the server takes a record of `source`. `known` is the last change that the server took for the
    /// object.
    ///
    /// The server refuses a record that has the same number as `known`, because it is the same change. So a batch that
    /// comes twice changes nothing, and an older record never replaces a newer one. The numbers of two sources cannot
    /// be compared. So the server takes every record whose source is not the source of `known`.
    ///
    /// # Errors
    /// Returns the reason why the server refuses the record.
    pub fn check(&self, record: &Record, source: ObjectId, known: Option<Known>) -> Result<(), Refusal> {
        if known.is_some_and(|known| known.source == source && record.usn <= known.usn) {
            return Err(Refusal::Older);
        }
        match &record.account {
            Some(account) => self.check_account(account),
            None if known.is_some() => Ok(()),
            None => Err(Refusal::UnknownObject),
        }
    }

    /// Checks whether an account may sign in by its verifier. The server also checks this at each sign-in, because it
    /// may have taken the account under other rules.
    ///
    /// # Errors
    /// Returns why the account may not sign in by its verifier.
    pub fn check_account(&self, account: &Account) -> Result<(), Refusal> {
        let is_ours = account.sid.domain().is_some_and(|domain| self.domains.contains(&domain));
        if !is_ours {
            return Err(Refusal::ForeignSid);
        }
        if !self.built_in_accounts && account.sid.rid().is_none_or(|rid| rid < FIRST_RID) {
            return Err(Refusal::BuiltInAccount);
        }
        if account.verifier.parameters().iterations() < self.min_iterations.max(MIN_ITERATIONS) {
            return Err(Refusal::Iterations);
        }
        let names = [Some(&account.name), account.upn.as_ref(), account.alternate.as_ref(), account.full_name.as_ref()];
        if names.into_iter().flatten().any(|name| name.len() > MAX_NAME) {
            return Err(Refusal::LongName);
        }
        if account.groups.len() > MAX_GROUPS {
            return Err(Refusal::ManyGroups);
        }
        Ok(())
    }
}

/// The first RID that a domain gives to an account of its own (MS-DTYP section 2.4.2.4).
const FIRST_RID: u32 = 1000;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::tests::account;

    fn rules() -> Rules {
        Rules { domains: vec!["S-1-5-21-1-2-3".parse().unwrap()], built_in_accounts: false, min_iterations: 1000 }
    }

    const SOURCE: ObjectId = ObjectId([9; 16]);

    fn known(usn: u64) -> Known {
        Known { source: SOURCE, usn }
    }

    fn record(usn: u64, change: impl Fn(&mut Account)) -> Record {
        let mut account = account("x");
        change(&mut account);
        Record { object: ObjectId([1; 16]), usn, account: Some(account) }
    }

    #[test]
    fn later_change_is_taken_and_the_same_or_an_older_change_is_refused() {
        let check = |usn, known| rules().check(&record(usn, |_| {}), SOURCE, known);
        assert_eq!((check(5, None), check(5, Some(known(4)))), (Ok(()), Ok(())));
        assert_eq!((check(5, Some(known(5))), check(5, Some(known(6)))), (Err(Refusal::Older), Err(Refusal::Older)));
        assert_eq!(check(5, Some(Known { source: ObjectId([8; 16]), usn: 900 })), Ok(()));
    }

    #[test]
    fn removal_is_refused_or_taken_by_its_number_like_other_changes() {
        let gone = Record { account: None, ..record(5, |_| {}) };
        assert_eq!(
            (rules().check(&gone, SOURCE, Some(known(4))), rules().check(&gone, SOURCE, Some(known(5)))),
            (Ok(()), Err(Refusal::Older))
        );
        assert_eq!(rules().check(&gone, SOURCE, None), Err(Refusal::UnknownObject));
    }

    #[test]
    fn sid_of_another_domain_or_of_no_domain_is_refused() {
        for sid in ["S-1-5-21-1-2-4-1105", "S-1-5-21-1-2-3", "S-1-5-21-1-2-3-9-1105", "S-1-5-32-544", "S-1-1"] {
            let foreign = record(1, |account| account.sid = sid.parse().unwrap());
            assert_eq!(rules().check(&foreign, SOURCE, None), Err(Refusal::ForeignSid), "{sid}");
        }
    }

    #[test]
    fn account_below_rid_1000_is_refused_unless_the_tenant_allows_it() {
        let of = |rid: u32| record(1, |account| account.sid = format!("S-1-5-21-1-2-3-{rid}").parse().unwrap());
        assert_eq!(rules().check(&of(1000), SOURCE, None), Ok(()));
        for rid in [500, 502, 999] {
            assert_eq!(rules().check(&of(rid), SOURCE, None), Err(Refusal::BuiltInAccount), "{rid}");
            assert_eq!(Rules { built_in_accounts: true, ..rules() }.check(&of(rid), SOURCE, None), Ok(()));
        }
    }

    #[test]
    fn verifier_of_too_few_iterations_is_refused() {
        let check = |min| Rules { min_iterations: min, ..rules() }.check(&record(1, |_| {}), SOURCE, None);
        assert_eq!((check(1000), check(1001)), (Ok(()), Err(Refusal::Iterations)));
    }

    type Lengthen<'a> = &'a dyn Fn(&mut Account, usize);

    #[test]
    fn account_with_a_too_long_name_or_too_many_groups_for_a_session_is_refused() {
        let check = |change: &dyn Fn(&mut Account)| rules().check(&record(1, change), SOURCE, None);
        let changes: [Lengthen<'_>; 4] = [
            &|account, most| account.name = "n".repeat(most),
            &|account, most| account.upn = Some("n".repeat(most)),
            &|account, most| account.alternate = Some("n".repeat(most)),
            &|account, most| account.full_name = Some("n".repeat(most)),
        ];
        for change in changes {
            assert_eq!(check(&|account| change(account, 1024)), Ok(()));
            assert_eq!(check(&|account| change(account, 1025)), Err(Refusal::LongName));
        }
        assert_eq!(check(&|account| account.groups = vec![account.sid; 1024]), Ok(()));
        assert_eq!(check(&|account| account.groups = vec![account.sid; 1025]), Err(Refusal::ManyGroups));
    }
}
