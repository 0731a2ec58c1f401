//! An account as the source knows it, with the hash of its password. The hash never leaves the source.

use crate::nt_hash::NtHash;
use crate::record::{Account, Lock, ObjectId, Record};
use crate::verifier::Parameters;
use kerberos_sso::Sid;

/// A change at the source.
#[derive(Debug)]
pub struct Change {
    /// The object in the directory.
    pub object: ObjectId,
    /// The number of the change.
    pub usn: u64,
    /// The account, or `None` if it is deleted or has no password.
    pub account: Option<SourceAccount>,
}

/// An account with the hash of its password. The fields are those of [`Account`].
#[derive(Debug)]
#[allow(missing_docs, reason = "the fields are those of `Account`")]
pub struct SourceAccount {
    pub sid: Sid,
    pub name: String,
    pub upn: Option<String>,
    pub alternate: Option<String>,
    pub full_name: Option<String>,
    pub groups: Vec<Sid>,
    pub hash: NtHash,
    pub disabled: bool,
    pub lock: Lock,
    pub account_expires: Option<i64>,
    pub password_expires: Option<i64>,
    pub must_change: bool,
}

impl Change {
    /// Derives the record of the change, and overwrites the hash.
    #[must_use]
    pub fn derive(self, parameters: Parameters) -> Record {
        let Self { object, usn, account } = self;
        Record { object, usn, account: account.map(|account| account.derive(parameters)) }
    }
}

impl SourceAccount {
    fn derive(self, parameters: Parameters) -> Account {
        Account {
            sid: self.sid,
            name: self.name,
            upn: self.upn,
            alternate: self.alternate,
            full_name: self.full_name,
            groups: self.groups,
            verifier: parameters.derive(&self.hash),
            disabled: self.disabled,
            lock: self.lock,
            account_expires: self.account_expires,
            password_expires: self.password_expires,
            must_change: self.must_change,
        }
    }
}

/// The flags of `userAccountControl` and of `msDS-User-Account-Control-Computed` (MS-ADTS section 2.2.16).
pub(crate) mod flags {
    pub(crate) const ACCOUNT_DISABLE: u32 = 0x2;
    pub(crate) const LOCKOUT: u32 = 0x10;
    pub(crate) const NORMAL_ACCOUNT: u32 = 0x200;
    pub(crate) const PASSWORD_EXPIRED: u32 = 0x80_0000;
}
