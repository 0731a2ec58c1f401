//! The list of objects that `ldbsearch` prints.

use seamless_phs::ObjectId;

/// An object and the number of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) usn: u64,
    pub(crate) object: ObjectId,
}

/// Reads the objects of a list in LDIF. References to other directories are skipped.
pub(crate) fn listed(ldif: &str) -> Result<Vec<Listed>, String> {
    let objects = ldif.split("\n\n").filter(|object| object.lines().any(|line| line.starts_with("dn:")));
    objects.map(|object| one(object).ok_or_else(|| "ldbsearch: an object without a number".to_owned())).collect()
}

fn one(object: &str) -> Option<Listed> {
    let value = |name: &str| object.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Some(Listed { usn: value("uSNChanged")?.trim().parse().ok()?, object: value("objectGUID")?.trim().parse().ok()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The output of `ldbsearch` of Samba 4.17.12.
    const LIST: &str = "# record 1\ndn: CN=alice,CN=Users,DC=contoso,DC=test\nobjectGUID: 7bf2564b-8bf5-46ba-ba1a-ff4948038713\n\
                        uSNChanged: 3945\n\n# record 2\ndn: CN=bob,CN=Users,DC=contoso,DC=test\nuSNChanged: 7\n\
                        objectGUID: 8fe58869-9072-410e-9cec-8e0cfef45d77\n\n# Referral\nref: ldap://contoso.test/CN=Configuration\n\n\
                        # returned 3 records\n# 2 entries\n# 1 referrals\n";

    #[test]
    fn objects_of_a_list_are_read_and_references_are_skipped() {
        let read = listed(LIST).unwrap();
        assert_eq!(read.iter().map(|one| one.usn).collect::<Vec<_>>(), [3945, 7]);
        assert!(listed("# returned 0 records\n").unwrap().is_empty());
    }

    #[test]
    fn object_without_a_number_is_an_error() {
        assert!(listed(&LIST.replace("uSNChanged: 7\n", "")).is_err());
        assert!(listed(&LIST.replace("8fe58869", "8fe5886")).is_err());
    }
}
