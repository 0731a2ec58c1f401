//! The names of the groups that every domain has.

/// Returns the name of a group that has the same name in every domain, by its SID (MS-DTYP section 2.4.2.4). Only the
/// directory has the names of other groups.
pub(crate) fn well_known(sid: &str) -> Option<&'static str> {
    if sid == "S-1-18-1" {
        return Some("Proved to the directory");
    }
    let (_, rid) = sid.strip_prefix("S-1-5-21-")?.rsplit_once('-')?;
    match rid {
        "512" => Some("Domain Admins"),
        "513" => Some("Domain Users"),
        "514" => Some("Domain Guests"),
        "515" => Some("Domain Computers"),
        "518" => Some("Schema Admins"),
        "519" => Some("Enterprise Admins"),
        "520" => Some("Group Policy Creator Owners"),
        "525" => Some("Protected Users"),
        "572" => Some("Denied RODC Password Replication Group"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_every_domain_have_a_name() {
        assert_eq!(well_known("S-1-5-21-1-2-3-513"), Some("Domain Users"));
        assert_eq!(well_known("S-1-5-21-1-2-3-1104"), None);
        assert_eq!(well_known("S-1-5-32-513"), None);
        assert_eq!(well_known("S-1-18-1"), Some("Proved to the directory"));
        assert_eq!(well_known("Sales"), None);
    }
}
