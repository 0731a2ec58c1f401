//! Reads the stored identity of a session. Every text and every list has a limit. The reader never allocates more memory
//! than the limits allow.

use super::{SessionGroups, sort};
use crate::limits::{MAX_SESSION_GROUPS, MAX_SESSION_TEXT};
use crate::sid::Sid;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads a field that must be present, but may be null. If the field could be absent, a stored user whose SID was lost
/// would count as a user without a SID.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sid>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a text of at most [`MAX_SESSION_TEXT`] octets.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Text::deserialize(deserializer).map(|Text(text)| text)
}

/// Reads a text of at most [`MAX_SESSION_TEXT`] octets, or null.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Text(text)| text))
}

struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl Visitor<'_> for Bounded {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of at most {MAX_SESSION_TEXT} octets")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                if text.len() > MAX_SESSION_TEXT {
                    return Err(E::invalid_length(text.len(), &self));
                }
                Ok(Text(text.into()))
            }
        }
        deserializer.deserialize_str(Bounded)
    }
}

impl<'de> Deserialize<'de> for SessionGroups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Domains;
        impl<'de> Visitor<'de> for Domains {
            type Value = SessionGroups;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from SIDs of domains to RIDs")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SessionGroups, A::Error> {
                let (mut domains, mut free) = (BTreeMap::new(), MAX_SESSION_GROUPS);
                while let Some(domain) = map.next_key::<Sid>()? {
                    let mut rids = map.next_value_seed(Rids { free })?;
                    // `Rids` accepts at most `free` RIDs.
                    free = free.saturating_sub(rids.len());
                    sort(&mut rids);
                    if domain.join(0).is_none() || domains.insert(domain, rids).is_some() {
                        return Err(A::Error::custom("a key is not the SID of a domain, or appears twice"));
                    }
                }
                Ok(SessionGroups(domains))
            }
        }
        deserializer.deserialize_map(Domains)
    }
}

/// A reader of the RIDs of one domain. The list must have at least one RID, and at most `free` RIDs.
/// Each domain has at least one RID, so the number of domains is limited, too.
struct Rids {
    free: usize,
}

impl<'de> DeserializeSeed<'de> for Rids {
    type Value = Vec<u32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u32>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rids {
    type Value = Vec<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at least one RID, and at most {MAX_SESSION_GROUPS} RIDs in all domains together")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<u32>, A::Error> {
        let mut rids = Vec::new();
        while let Some(rid) = elements.next_element()? {
            if rids.len() == self.free {
                return Err(A::Error::custom(format_args!("more than {MAX_SESSION_GROUPS} groups")));
            }
            rids.push(rid);
        }
        if rids.is_empty() { Err(A::Error::invalid_length(0, &self)) } else { Ok(rids) }
    }
}
