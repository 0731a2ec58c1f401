//! Reads lines in the form of impacket's `secretsdump -just-dc-ntlm -user-status`, for directories of Windows.
//!
//! ```text
//! CONTOSO.TEST\alice:1105:aad3b435b51404eeaad3b435b51404ee:92937945b518814341de3f726500d4ff::: (status=Enabled)
//! ```
//!
//! A line has no groups, no expiry and no number of the change. So the accounts from such lines have no groups, and the
//! source uses the time of the dump as the number of each change.

use crate::nt_hash::NtHash;
use crate::record::{Lock, ObjectId};
use crate::source::{Change, SourceAccount};
use crate::verifier::octets;
use kerberos_sso::Sid;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The error for a line that should be of an account and cannot be read. The error does not repeat the line, because the line has
/// a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not of the form DOMAIN\\name:RID:LM:NT::: (status=Enabled)")]
pub struct InvalidLine;

/// Reads one line. Returns `None` for a line that is not of a user: a message of the tool, an older password, a computer, or an
/// account of a trust.
///
/// # Errors
/// Returns an error if the line is of an account and cannot be read.
pub fn read(line: &str, domain: Sid, usn: u64) -> Result<Option<Change>, InvalidLine> {
    let Some((principal, rest)) = line.trim_end().split_once(':') else { return Ok(None) };
    let name = principal.rsplit_once('\\').map_or(principal, |(_, name)| name);
    if line.starts_with('[') || name.ends_with('$') || is_history(name) {
        return Ok(None);
    }
    let (fields, status) = rest.split_once(":::").ok_or(InvalidLine)?;
    let mut fields = fields.split(':');
    let (Some(rid), Some(_), Some(hash), None) = (fields.next(), fields.next(), fields.next(), fields.next()) else {
        return Err(InvalidLine);
    };
    let disabled = match status.trim() {
        "" | "(status=Enabled)" => false,
        "(status=Disabled)" => true,
        _ => return Err(InvalidLine),
    };
    let rid = rid.parse().map_err(|_| InvalidLine)?;
    let sid = Some(domain).filter(Sid::is_domain).and_then(|domain| domain.join(rid)).ok_or(InvalidLine)?;
    let hash = octets(hash).map(NtHash::new).ok_or(InvalidLine)?;
    if name.is_empty() {
        return Err(InvalidLine);
    }
    let account = SourceAccount {
        sid,
        name: name.into(),
        upn: None,
        alternate: None,
        full_name: None,
        groups: Vec::new(),
        hash,
        disabled,
        lock: Lock::Open,
        account_expires: None,
        password_expires: None,
        must_change: false,
    };
    Ok(Some(Change { object: object_of(sid), usn, account: Some(account) }))
}

/// Returns whether the line is the last one that the tool prints. If an output does not end with this line, the tool was stopped
/// early.
#[must_use]
pub fn is_end(line: &str) -> bool {
    line.trim_end() == "[*] Cleaning up..."
}

/// Returns whether the name is that of an older password, such as `alice_history0`. The tool prints such names with `-history`.
fn is_history(name: &str) -> bool {
    name.rsplit_once("_history")
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns an identifier for the object. A line has no `objectGUID`, so the function derives the identifier from the
/// SID.
#[expect(clippy::expect_used, reason = "a digest of SHA-256 has 32 octets")]
fn object_of(sid: Sid) -> ObjectId {
    let digest = Sha256::digest(sid.to_bytes());
    ObjectId(*digest.first_chunk().expect("32 octets have 16 first octets"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::verifier::Parameters;

    const LINE: &str = r"CONTOSO.TEST\alice:1105:aad3b435b51404eeaad3b435b51404ee:92937945b518814341de3f726500d4ff::: (status=Enabled)";

    fn domain() -> Sid {
        "S-1-5-21-1-2-3".parse().unwrap()
    }

    fn account(line: &str) -> SourceAccount {
        read(line, domain(), 1).unwrap().unwrap().account.unwrap()
    }

    #[test]
    fn line_of_a_user_is_read() {
        let alice = account(LINE);
        assert_eq!((alice.name.as_str(), alice.sid.to_string().as_str()), ("alice", "S-1-5-21-1-2-3-1105"));
        let parameters = Parameters::new([1; 10], 1000).unwrap();
        assert!(parameters.derive(&alice.hash).is(&parameters.derive(&NtHash::of_password("Pa$$w0rd"))));
        assert!(!alice.disabled && account(&LINE.replace("Enabled", "Disabled")).disabled);
        assert_eq!(account(&LINE.replace(r"CONTOSO.TEST\", "").replace(" (status=Enabled)", "")).name, "alice");
    }

    #[test]
    fn identifier_of_an_object_is_stable_and_differs_between_accounts() {
        let object = |line: &str, usn| read(line, domain(), usn).unwrap().unwrap().object;
        assert_eq!(object(LINE, 1), object(&LINE.replace("alice", "alicia"), 2));
        assert_ne!(object(LINE, 1), object(&LINE.replace("1105", "1106"), 1));
    }

    #[test]
    fn line_that_is_not_of_a_user_is_skipped() {
        for line in [
            "",
            "[*] Dumping Domain Credentials (domain\\uid:rid:lmhash:nthash)",
            &LINE.replace("alice", "DC1$"),
            &LINE.replace("alice", "alice_history0"),
        ] {
            assert!(read(line, domain(), 1).unwrap().is_none(), "{line}");
        }
        assert_eq!(account(&LINE.replace("alice", "alice_historyx")).name, "alice_historyx");
    }

    #[test]
    fn only_the_last_line_that_the_tool_prints_is_recognised_as_the_end() {
        assert!(is_end("[*] Cleaning up... \n") && is_end("[*] Cleaning up..."));
        for line in ["", "[*] Dumping Domain Credentials (domain\\uid:rid:lmhash:nthash)", LINE, "Cleaning up..."] {
            assert!(!is_end(line), "{line}");
        }
    }

    #[test]
    fn malformed_line_is_refused() {
        for line in [
            LINE.replace("1105", "x"),
            LINE.replace("1105", "4294967296"),
            LINE.replace(":::", "::"),
            LINE.replace("9293", "929"),
            LINE.replace("9293", "zzzz"),
            LINE.replace("Enabled", "Other"),
            LINE.replace("alice", ""),
            LINE.replace(":1105", ":1105:1"),
        ] {
            assert_eq!(read(&line, domain(), 1).err(), Some(InvalidLine), "{line}");
        }
        assert_eq!(read(LINE, "S-1-5-32".parse().unwrap(), 1).err(), Some(InvalidLine));
    }
}
