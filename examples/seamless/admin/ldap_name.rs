//! The names of a directory: of its objects, of its domains, and of the user of a connection.

use kerberos_sso::Sid;
use ldap3::dn_escape;

/// Returns the container of computers, if `object`, a value of `wellKnownObjects`, names it.
pub(crate) fn computers(object: &str) -> Option<String> {
    let (guid, dn) = object.strip_prefix("B:32:")?.split_once(':')?;
    (guid == COMPUTERS).then(|| dn.to_owned())
}

/// Returns the name and the SID of the extended form `<GUID=…>;<SID=…>;DN` (MS-ADTS section 3.1.1.3.4.1.5).
pub(crate) fn extended(text: &str) -> (&str, Option<Sid>) {
    let sid = text.split_once("<SID=").and_then(|(_, after)| after.split_once('>'));
    let dn = text.rsplit_once(">;").map_or(text, |(_, dn)| dn);
    (dn, sid.and_then(|(sid, _)| sid.parse().ok()))
}

/// Returns the DNS name of a domain. `dn` is the domain's distinguished name.
pub(crate) fn dns_name(dn: &str) -> String {
    let labels = dn.split(',').filter_map(|part| part.trim().split_once('=')).map(|(_, label)| label);
    labels.collect::<Vec<_>>().join(".")
}

/// Returns the distinguished name of an account in a container.
#[must_use]
pub fn child(name: &str, container: &str) -> String {
    format!("CN={},{container}", dn_escape(name))
}

/// Returns the name of the connection's user if the user is of another domain. `answer` is the directory's answer to
/// "Who am I?": `u:NETBIOS\user` or `u:SID` (MS-ADTS section 3.1.1.3.4.2.4). For an answer of another form, returns
/// `None`.
pub(crate) fn of_another_domain(answer: &str, netbios: &str, domain: Sid) -> Option<String> {
    let user = answer.strip_prefix("u:")?;
    let is_own = match user.split_once('\\') {
        Some((of, _)) => netbios.is_empty() || of.eq_ignore_ascii_case(netbios),
        None => user.parse::<Sid>().ok()?.to_string().starts_with(&format!("{domain}-")),
    };
    (!is_own).then(|| user.to_owned())
}

/// The container of computers (GUID_COMPUTERS_CONTAINER_W, MS-ADTS section 6.1.1.4).
const COMPUTERS: &str = "AA312825768811D1ADED00C04FD8D5CD";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn container_of_computers_and_extended_dn_and_domain_name_are_read() {
        assert_eq!(dns_name("DC=child,DC=contoso,DC=test"), "child.contoso.test");
        let text = "<GUID=5d8e8f1c-2d4e-4a6f-9c4e-000000000000>;<SID=S-1-5-21-1-2-3>;DC=child,DC=contoso,DC=test";
        let (dn, sid) = extended(text);
        assert_eq!((dn, sid), ("DC=child,DC=contoso,DC=test", "S-1-5-21-1-2-3".parse().ok()));
        assert_eq!(extended("DC=contoso,DC=test"), ("DC=contoso,DC=test", None));
        let object = "B:32:AA312825768811D1ADED00C04FD8D5CD:OU=Machines,DC=contoso,DC=test";
        assert_eq!(computers(object).unwrap(), "OU=Machines,DC=contoso,DC=test");
        assert_eq!(computers("B:32:A9D1CA15768811D1ADED00C04FD8D5CD:CN=Users,DC=contoso,DC=test"), None);
    }

    #[test]
    fn name_is_escaped_in_a_distinguished_name() {
        assert_eq!(child("A,B", "DC=contoso"), "CN=A\\2cB,DC=contoso");
    }

    #[test]
    fn user_is_returned_if_the_answer_has_the_netbios_name_or_the_sid_of_another_domain() {
        let other = |answer| of_another_domain(answer, "CONTOSO", "S-1-5-21-1-2-3".parse().unwrap());
        assert_eq!(other("u:Contoso\\administrator"), None);
        assert_eq!(other("u:S-1-5-21-1-2-3-500"), None);
        assert_eq!(other("u:FABRIKAM\\administrator").unwrap(), "FABRIKAM\\administrator");
        assert_eq!(other("u:S-1-5-21-1-2-33-500").unwrap(), "S-1-5-21-1-2-33-500");
        let domain = "S-1-5-21-1-2-3".parse().unwrap();
        assert_eq!(of_another_domain("u:CONTOSO\\administrator", "", domain), None);
        for unknown in ["", "u:", "u:administrator@fabrikam.test", "dn:CN=a", "CONTOSO\\a"] {
            assert_eq!(other(unknown), None, "{unknown}");
        }
    }
}
