//! The user's SID in a LOGON_INFO (KERB_VALIDATION_INFO, MS-PAC section 2.5), by a reader of this crate's own.
//!
//! It follows the referents of NDR up to the SID of the domain, and no further. It checks nothing.

use crate::pac::u32_at;
use kerberos_sso::Sid;

/// Returns the user's SID. The library's reader has accepted the buffer before.
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

/// Skips the characters of a string: maximum, offset, count, and as many characters.
fn skip_string(info: &[u8], at: usize, pointer: u32) -> Option<usize> {
    if pointer == 0 {
        return Some(at);
    }
    let count = usize::try_from(u32_at(info, at + 8)?).ok()?;
    at.checked_add(12)?.checked_add(count.checked_mul(2)?)?.checked_next_multiple_of(4)
}

/// The structure begins after the headers of type serialization and the pointer to it.
const START: usize = 20;

/// EffectiveName to HomeDirectoryDrive come after six times of eight octets.
const FIRST_STRINGS: [usize; 6] = [START + 48, START + 56, START + 64, START + 72, START + 80, START + 88];

/// UserId comes after the two counts.
const USER_ID: usize = START + 100;

/// GroupIds comes after UserId, PrimaryGroupId and GroupCount.
const GROUP_POINTER: usize = START + 112;

/// LogonServer and LogonDomainName come after UserFlags and UserSessionKey.
const LAST_STRINGS: [usize; 2] = [START + 136, START + 144];

/// The targets of the pointers come after the fixed part.
const DEFERRED: usize = START + 216;
