//! This crate's own reader of the user's SID in a LOGON_INFO (KERB_VALIDATION_INFO, MS-PAC section 2.5).
//!
//! The reader follows the referents of NDR up to the SID of the domain. A referent is null or not null: the reader does
//! not check other values.

use crate::pac::u32_at;
use kerberos_sso::Sid;

/// Returns the user's SID in a buffer that the library has accepted.
pub fn user_sid(info: &[u8]) -> Option<Sid> {
    let string_pointers = FIRST_STRINGS.map(|at| u32_at(info, at + 4));
    let mut at = DEFERRED;
    for pointer in string_pointers {
        at = skip_string(info, at, pointer?)?;
    }
    if u32_at(info, GROUP_POINTER)? != 0 {
        let count = usize::try_from(u32_at(info, at)?).ok()?;
        at = at.checked_add(4)?.checked_add(count.checked_mul(8)?)?;
    }
    for string in LAST_STRINGS {
        at = skip_string(info, at, u32_at(info, string + 4)?)?;
    }
    // The count of sub-authorities comes first, because an RPC_SID is a conformant structure.
    let count = usize::try_from(u32_at(info, at)?).ok()?;
    let domain = Sid::from_bytes(info.get(at + 4..at + 12 + 4 * count)?)?;
    let rid = u32_at(info, USER_ID)?;
    if rid == 0 { None } else { domain.join(rid) }
}

/// Returns the position after the characters of a string: maximum count, offset, actual count, and the characters.
fn skip_string(info: &[u8], at: usize, pointer: u32) -> Option<usize> {
    if pointer == 0 {
        return Some(at);
    }
    let count = usize::try_from(u32_at(info, at + 8)?).ok()?;
    at.checked_add(12)?.checked_add(count.checked_mul(2)?)?.checked_next_multiple_of(4)
}

/// The position of the structure, after the headers of type serialization and the pointer to the structure.
const START: usize = 20;

/// The positions of EffectiveName to HomeDirectoryDrive, after six timestamps of eight octets each.
const FIRST_STRINGS: [usize; 6] = [START + 48, START + 56, START + 64, START + 72, START + 80, START + 88];

/// The position of UserId, after the two counts.
const USER_ID: usize = START + 100;

/// The position of GroupIds, after UserId, PrimaryGroupId and GroupCount.
const GROUP_POINTER: usize = START + 112;

/// The positions of LogonServer and LogonDomainName, after UserFlags and UserSessionKey.
const LAST_STRINGS: [usize; 2] = [START + 136, START + 144];

/// The position of the targets of the pointers, after the fixed part.
const DEFERRED: usize = START + 216;
