//! Identifiers of tenants, in the text form of RFC 9562 section 4.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A 128-bit identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Guid(u128);

impl Guid {
    /// Derives the identifier of a tenant from its name. The identifier is a UUID of version 8 with the first bits of a
    /// SHA-256 digest (RFC 9562 section 5.8 and appendix B.2). Names that differ only in upper and lower case have the
    /// same identifier.
    pub(crate) fn of_tenant(name: &str) -> Self {
        let digest = Sha256::digest(format!("kerberos-sso tenant {}", name.to_ascii_lowercase()));
        let bits = digest.first_chunk().map_or(0, |octets| u128::from_be_bytes(*octets));
        Self(bits & !(0xF << 76) & !(0b11 << 62) | 8 << 76 | 0b10 << 62)
    }

    /// Returns the identifier with these bits.
    pub(crate) const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl FromStr for Guid {
    type Err = &'static str;

    /// Reads 32 hexadecimal digits in five groups, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths = groups.iter().map(|group| group.len());
        let digits = groups.concat();
        if !lengths.eq([8, 4, 4, 4, 12]) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("an identifier has the form 01234567-89ab-cdef-0123-456789abcdef");
        }
        u128::from_str_radix(&digits, 16).map(Self).map_err(|_| "an identifier has 32 hexadecimal digits")
    }
}

impl TryFrom<String> for Guid {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        for (place, digit) in digits.chars().enumerate() {
            f.write_str(if matches!(place, 8 | 12 | 16 | 20) { "-" } else { "" })?;
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn identifier_of_a_name_is_stable_and_differs_from_that_of_another_name() {
        let contoso = Guid::of_tenant("contoso.test");
        assert_eq!(Guid::of_tenant("Contoso.Test"), contoso);
        assert_ne!(Guid::of_tenant("fabrikam.test"), contoso);
        let text = contoso.to_string();
        assert_eq!((text.as_bytes().get(14), text.parse()), (Some(&b'8'), Ok(contoso)));
        assert!(matches!(text.as_bytes().get(19), Some(b'8' | b'9' | b'a' | b'b')), "{text}");
    }

    #[test]
    fn only_five_groups_of_hexadecimal_digits_are_an_identifier() {
        let text = "01234567-89AB-cdef-0123-456789abcdef";
        assert_eq!(text.parse::<Guid>().unwrap().to_string(), text.to_lowercase());
        for other in
            ["", "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdeg", "{0}", "1-2-3-4-5"]
        {
            assert!(other.parse::<Guid>().is_err(), "{other}");
        }
    }
}
