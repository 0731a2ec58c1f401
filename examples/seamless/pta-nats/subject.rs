//! The subjects of the queue, and the names in them.
//!
//! A subject is a sequence of tokens with dots between them. `*` and `>` are wildcards, and white space ends a subject.
//! A tenant's name may contain all these characters, so the name is encoded.

use seamless_pta::user::Tenant;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::{self, Write as _};

/// The name of a node: 1 to 63 small letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct NodeName(String);

impl NodeName {
    /// Reads a name. Returns `None` if the name is empty or too long, or has another character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        let is_name = (1..=63).contains(&text.len()) && text.bytes().all(is_ours);
        is_name.then(|| Self(text.to_owned()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NodeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("small letters, digits and hyphens"))
    }
}

/// Returns the subject of the offers of a tenant.
#[must_use]
pub fn offers(tenant: &Tenant) -> String {
    format!("pta.{}.offer", token(tenant.as_str()))
}

/// Returns the subject on which a node gets jobs for its agents.
#[must_use]
pub fn jobs(node: &NodeName) -> String {
    format!("pta.node.{node}.job")
}

/// Returns the first tokens of the subjects on which a node gets replies. The broker lets no other node subscribe to
/// these subjects.
#[must_use]
pub fn inbox(node: &NodeName) -> String {
    format!("pta.node.{node}.inbox")
}

/// The queue group of all nodes with agents of a tenant. NATS delivers an offer to one node of the group.
pub const GROUP: &str = "gateways";

/// Encodes a name as one token. ASCII letters, digits and hyphens stay as they are. Each other octet becomes `_` and
/// two hexadecimal digits.
fn token(name: &str) -> String {
    name.bytes().fold(String::new(), |mut token, octet| {
        if octet.is_ascii_alphanumeric() || octet == b'-' {
            token.push(char::from(octet));
        } else {
            let _ = write!(token, "_{octet:02x}");
        }
        token
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Returns whether a pattern matches a subject by the rules of NATS.
    pub(crate) fn matches(pattern: &str, subject: &str) -> bool {
        let (mut tokens, mut patterns) = (subject.split('.'), pattern.split('.'));
        loop {
            match (patterns.next(), tokens.next()) {
                (Some(">"), Some(_)) | (None, None) => return true,
                (Some(pattern), Some(token)) if pattern == "*" || pattern == token => {}
                _ => return false,
            }
        }
    }

    #[test]
    fn name_of_a_tenant_is_one_token_without_wildcards_and_no_two_names_are_the_same_token() {
        assert_eq!(offers(&Tenant::new("contoso.test").unwrap()), "pta.contoso_2etest.offer");
        let names = [
            "a.b", "a_2eb", "a*b", "a>b", "*", ">", "a b", "a_b", "ab", "A.b", "é", "node", ".", "..", "_", "a\u{85}b",
        ];
        let subjects: HashSet<_> = names.iter().filter_map(|name| Some(offers(&Tenant::new(*name)?))).collect();
        let tenants = names.iter().filter(|name| Tenant::new(**name).is_some()).count();
        assert_eq!((subjects.len(), tenants), (15, 15), "U+0085 is a control character");
        for subject in subjects {
            assert!(matches("pta.*.offer", &subject) && !subject.contains(['*', '>', ' ']), "{subject}");
            assert!(!matches("pta.node.*.job", &subject));
        }
    }

    #[test]
    fn longest_name_of_a_tenant_fits_into_a_line_of_the_nats_protocol() {
        let longest = offers(&Tenant::new("😀".repeat(255)).unwrap());
        assert!(longest.len() < 3_100, "a line of NATS has at most 4,096 octets");
    }

    #[test]
    fn name_of_a_node_has_small_letters_digits_and_hyphens_only() {
        for name in ["n1", "gw-1", &"a".repeat(63)] {
            assert_eq!(jobs(&NodeName::parse(name).unwrap()), format!("pta.node.{name}.job"));
        }
        for name in ["", "N1", "n.1", "*", ">", "n_1", "n 1", &"a".repeat(64), "é"] {
            assert_eq!(NodeName::parse(name), None, "{name:?}");
        }
    }
}
