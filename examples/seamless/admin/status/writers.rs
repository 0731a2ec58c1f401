//! Everyone who can take over the account: who may write its password, its names, its delegation or its rights.

use super::finding::Finding;
use crate::security_descriptor::{AccessEntry, Effect, SecurityDescriptor, right};
use crate::well_known::{
    KEY_CREDENTIAL_LINK, RESET_PASSWORD, SERVICE_PRINCIPAL_NAME, administrators, dangerous_attribute,
};
use kerberos_sso::Sid;

/// A user or group that can take over the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The user or group.
    pub sid: Sid,
    /// The rights of this user or group on the account.
    pub rights: Vec<&'static str>,
}

/// Returns everyone who can take over the account, each once. The result has neither the domain's administrators nor
/// the owner.
#[must_use]
pub fn writers(descriptor: &SecurityDescriptor) -> Vec<Writer> {
    let mut writers: Vec<Writer> = Vec::new();
    for entry in descriptor.entries.iter().flatten() {
        let Some(sid) = entry.sid.filter(|sid| administrators(*sid).is_none()) else { continue };
        let rights = dangerous_rights(entry);
        if entry.effect != Effect::Allow || entry.is_for_children_only || rights.is_empty() {
            continue;
        }
        match writers.iter_mut().find(|writer| writer.sid == sid) {
            Some(writer) => writer.rights.extend(rights),
            None => writers.push(Writer { sid, rights }),
        }
    }
    for writer in &mut writers {
        writer.rights.sort_unstable();
        writer.rights.dedup();
    }
    writers
}

fn dangerous_rights(entry: &AccessEntry) -> Vec<&'static str> {
    let has = |mask: u32| entry.mask & mask != 0;
    let write = match entry.object {
        None => Some("write all attributes"),
        Some(object) => dangerous_attribute(object),
    };
    let reset = entry.object.is_none_or(|object| object == RESET_PASSWORD);
    let names = entry.object.is_none_or(|object| object == SERVICE_PRINCIPAL_NAME);
    let rights = [
        has(right::GENERIC_ALL).then_some("full control"),
        has(right::GENERIC_WRITE).then_some("write all attributes"),
        has(right::WRITE_DACL).then_some("change the rights"),
        has(right::WRITE_OWNER).then_some("take the ownership"),
        has(right::WRITE_PROPERTY).then_some(write).flatten(),
        (has(right::CONTROL_ACCESS) && reset).then_some("reset the password"),
        (has(right::SELF_WRITE) && names).then_some("write servicePrincipalName"),
    ];
    rights.into_iter().flatten().collect()
}

/// Returns the findings about the account's security descriptor. `rollover_user` is the user who runs `rollover` by
/// a timer, and who needs two of these rights. `name` returns a readable name of a SID.
pub fn findings(octets: &[u8], rollover_user: Option<Sid>, mut name: impl FnMut(Sid) -> String) -> Vec<Finding> {
    let Ok(descriptor) = SecurityDescriptor::parse(octets) else {
        let text = "the security descriptor cannot be read";
        return vec![Finding::warning("rights-unknown", text, "use an administrator who may read it")];
    };
    let writers = writers(&descriptor).into_iter();
    let mut findings: Vec<_> = writers.map(|writer| finding(&writer, rollover_user, &name(writer.sid))).collect();
    if descriptor.entries.is_none() {
        let text = "the account has no DACL, so everyone can write it";
        findings.push(Finding::fault("foreign-writer", text, "restore the default rights (dsacls DN /S)"));
    }
    if let Some(owner) = descriptor.owner.filter(|owner| administrators(*owner).is_none()) {
        let text = format!("the owner of the account is {}, who may change its rights", name(owner));
        findings.push(Finding::warning("foreign-owner", text, "make Domain Admins the owner"));
    }
    findings
}

fn finding(writer: &Writer, rollover_user: Option<Sid>, name: &str) -> Finding {
    let text = format!("{name} can take over the account by these rights: {}", writer.rights.join(", "));
    if is_of_the_schema(writer) {
        return Finding::information("default-writer", text, "keep this group empty");
    }
    if rollover_user == Some(writer.sid) && writer.rights.iter().all(|right| RIGHTS_FOR_ROLLOVER.contains(right)) {
        return Finding::information("rollover-user", text, "protect this user like an administrator");
    }
    Finding::fault("foreign-writer", text, "remove these rights from the account or from its OU")
}

/// The rights that `rollover` needs: it sets the password, and with `--etypes` also the encryption types.
const RIGHTS_FOR_ROLLOVER: [&str; 2] = ["msDS-SupportedEncryptionTypes", "reset the password"];

/// Returns whether `writer` has these rights on every computer by default. The default of the schema gives rights to
/// Account Operators. For credential keys, it also gives rights to the two groups of key administrators.
fn is_of_the_schema(writer: &Writer) -> bool {
    let is_key =
        Some(writer.rights.as_slice()) == dangerous_attribute(KEY_CREDENTIAL_LINK).as_ref().map(std::slice::from_ref);
    let text = writer.sid.to_string();
    text == "S-1-5-32-548" || is_key && writer.sid.is_of_domain() && matches!(writer.sid.rid(), Some(526 | 527))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::security_descriptor::Guid;
    use crate::security_descriptor::tests::{descriptor, entry, sid};
    use crate::well_known::SUPPORTED_ENCRYPTION_TYPES;

    const USER: &str = "S-1-5-21-1-2-3-1104";

    fn found(kind: u8, flags: u8, mask: u32, object: Option<Guid>, who: &str) -> Vec<&'static str> {
        let octets = descriptor(sid("S-1-5-21-1-2-3-512"), &[entry(kind, flags, mask, object, sid(who))]);
        let writers = writers(&SecurityDescriptor::parse(&octets).unwrap());
        writers.into_iter().flat_map(|writer| writer.rights).collect()
    }

    #[test]
    fn each_right_that_allows_taking_over_the_account_is_named() {
        assert_eq!(found(0, 0, right::GENERIC_ALL, None, USER), ["full control"]);
        assert_eq!(found(0, 0, right::GENERIC_WRITE, None, USER), ["write all attributes"]);
        assert_eq!(found(0, 0, right::WRITE_DACL, None, USER), ["change the rights"]);
        assert_eq!(found(0, 0, right::WRITE_OWNER, None, USER), ["take the ownership"]);
        assert_eq!(found(5, 0, right::CONTROL_ACCESS, Some(RESET_PASSWORD), USER), ["reset the password"]);
        assert_eq!(found(5, 0, right::CONTROL_ACCESS, None, USER), ["reset the password"]);
        assert_eq!(found(5, 0, right::SELF_WRITE, Some(SERVICE_PRINCIPAL_NAME), USER), ["write servicePrincipalName"]);
        assert_eq!(found(5, 0, right::WRITE_PROPERTY, Some(KEY_CREDENTIAL_LINK), USER), ["msDS-KeyCredentialLink"]);
    }

    #[test]
    fn status_does_not_name_administrators_and_users_without_dangerous_rights() {
        for administrator in ["S-1-5-21-1-2-3-512", "S-1-5-21-9-9-9-519", "S-1-5-32-544", "S-1-5-18", "S-1-5-10"] {
            assert_eq!(found(0, 0, right::GENERIC_ALL, None, administrator), [""; 0]);
        }
        assert_eq!(found(5, 0, right::WRITE_PROPERTY, Some(Guid([9; 16])), USER), [""; 0]);
        assert_eq!(found(5, 0, right::CONTROL_ACCESS, Some(Guid([9; 16])), USER), [""; 0]);
        assert_eq!(found(0, 0, 0x0002_0094, None, USER), [""; 0]);
        assert_eq!(found(1, 0, right::GENERIC_ALL, None, USER), [""; 0]);
        assert_eq!(found(0, 8, right::GENERIC_ALL, None, USER), [""; 0]);
    }

    #[test]
    fn default_writers_give_an_information_and_other_writers_a_fault() {
        let admins = sid("S-1-5-21-1-2-3-512");
        let entries = [
            entry(0, 0, 0x000F_01FF, None, sid("S-1-5-32-548")),
            entry(5, 0, right::WRITE_PROPERTY, Some(KEY_CREDENTIAL_LINK), sid("S-1-5-21-1-2-3-526")),
            entry(0, 0, right::WRITE_PROPERTY, None, sid("S-1-5-21-1-2-3-527")),
        ];
        let codes = |owner: Sid| {
            let found = findings(&descriptor(owner, &entries), None, |sid| sid.to_string());
            found.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(admins), ["default-writer", "default-writer", "foreign-writer"]);
        assert_eq!(codes(sid(USER)), ["default-writer", "default-writer", "foreign-writer", "foreign-owner"]);
        assert_eq!(findings(&[], None, |sid| sid.to_string()).first().unwrap().code, "rights-unknown");
    }

    #[test]
    fn rollover_user_with_only_the_rights_for_a_rollover_gives_an_information() {
        let codes = |rollover_user: &str, entries: &[Vec<u8>]| {
            let octets = descriptor(sid("S-1-5-21-1-2-3-512"), entries);
            let found = findings(&octets, Some(sid(rollover_user)), |sid| sid.to_string());
            found.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        let reset = entry(5, 0, right::CONTROL_ACCESS, Some(RESET_PASSWORD), sid(USER));
        let etypes = entry(5, 0, right::WRITE_PROPERTY, Some(SUPPORTED_ENCRYPTION_TYPES), sid(USER));
        let names = entry(5, 0, right::WRITE_PROPERTY, Some(SERVICE_PRINCIPAL_NAME), sid(USER));
        assert_eq!(codes(USER, &[reset.clone(), etypes.clone()]), ["rollover-user"]);
        assert_eq!(codes("S-1-5-21-1-2-3-1105", &[reset.clone(), etypes.clone()]), ["foreign-writer"]);
        assert_eq!(codes(USER, &[reset, etypes, names]), ["foreign-writer"]);
    }
}
