//! The parameters of a request, from its query or from its form. A parameter must not occur twice, an empty value
//! counts as absent, and the server ignores an unknown parameter (RFC 6749 section 3.1).

use super::error::{ErrorCode, OAuthError};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroize;

/// The parameters of one request. No parameter except a token may be longer than [`MAX_VALUE`] octets.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, String>,
    twice: BTreeSet<String>,
    too_long: Option<String>,
}

impl Parameters {
    /// Reads the octets of a query or a form (`application/x-www-form-urlencoded`).
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        form_urlencoded::parse(encoded).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    /// Returns the value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Returns the value of a parameter that must be there.
    ///
    /// # Errors
    /// Returns `invalid_request` if the parameter is absent.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| ErrorCode::InvalidRequest.because(format!("the parameter {name} is missing")))
    }

    /// Replaces the value of a parameter, or removes the parameter.
    pub(crate) fn with(mut self, name: &str, value: Option<String>) -> Self {
        self.values.remove(name);
        self.values.extend(value.map(|value| (name.to_owned(), value)));
        self
    }

    /// Refuses parameters that occur twice or are too long.
    ///
    /// # Errors
    /// Returns `invalid_request` with the name of the parameter.
    pub(crate) fn check(&self) -> Result<(), OAuthError> {
        let fault = match (self.twice.first(), &self.too_long) {
            (Some(name), _) => format!("the parameter {name} occurs twice"),
            (_, Some(name)) => format!("the parameter {name} is too long"),
            (None, None) => return Ok(()),
        };
        Err(ErrorCode::InvalidRequest.because(fault))
    }

    /// Returns whether a parameter occurs at most once.
    pub(crate) fn is_single(&self, name: &str) -> bool {
        !self.twice.contains(name)
    }

    /// Returns the value of a parameter as a number.
    ///
    /// # Errors
    /// Returns `invalid_request` if the value is no number.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<u32>, OAuthError> {
        let parse =
            |value: &str| value.bytes().all(|digit| digit.is_ascii_digit()).then(|| value.parse().ok()).flatten();
        match self.get(name).map(parse) {
            Some(None) => Err(ErrorCode::InvalidRequest.because(format!("the parameter {name} is no number"))),
            number => Ok(number.flatten()),
        }
    }
}

/// Overwrites the values of the parameters that are secrets ([`SECRETS`]).
impl Drop for Parameters {
    fn drop(&mut self) {
        for name in SECRETS {
            if let Some(value) = self.values.get_mut(name) {
                value.zeroize();
            }
        }
    }
}

/// Keeps the first value of each name, and the names that occur twice.
impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut all = Self::default();
        for (name, value) in pairs.into_iter().filter(|(name, value)| name.len() <= MAX_NAME && !value.is_empty()) {
            let most = if TOKENS.contains(&name.as_str()) { MAX_TOKEN } else { MAX_VALUE };
            if value.len() > most {
                all.too_long.get_or_insert_with(|| name.clone());
            } else if all.values.len() >= MAX_COUNT {
                all.too_long.get_or_insert_with(|| "list".into());
            } else {
                match all.values.entry(name) {
                    Entry::Occupied(first) => _ = all.twice.insert(first.key().clone()),
                    Entry::Vacant(place) => _ = place.insert(value),
                }
            }
        }
        all
    }
}

/// The longest value of a parameter, in octets.
const MAX_VALUE: usize = 2 * 1024;

/// The parameters that may be as long as [`MAX_TOKEN`].
const TOKENS: [&str; 5] = ["assertion", "client_assertion", "id_token_hint", "token", "request"];

/// The parameters whose value is a secret that can be used more than once.
const SECRETS: [&str; 2] = ["password", "client_secret"];

const MAX_TOKEN: usize = 64 * 1024;

/// The longest parameter name that the server keeps, in octets. Each parameter that the server knows has a shorter
/// name.
const MAX_NAME: usize = 64;

const MAX_COUNT: usize = 64;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parameter_that_occurs_twice_is_refused_and_an_empty_parameter_counts_as_absent() {
        let once = Parameters::parse(b"a=1&b=&b=2&c=%26+x");
        assert_eq!(
            (once.get("a"), once.get("b"), once.get("c"), once.get("d")),
            (Some("1"), Some("2"), Some("& x"), None)
        );
        assert!(once.check().is_ok());
        let twice = Parameters::parse(b"a=1&a=1&b=1&b=2&c=1");
        assert!(twice.check().unwrap_err().description.contains("a occurs twice"));
        assert_eq!(["a", "b", "c"].map(|name| twice.is_single(name)), [false, false, true]);
    }

    #[test]
    fn value_of_2048_octets_is_read_and_a_longer_value_is_refused() {
        let of = |length| Parameters::parse(format!("state={}", "a".repeat(length)).as_bytes()).check().is_ok();
        assert_eq!((of(2_048), of(2_049)), (true, false));
        let many = (0..65).map(|number| format!("p{number}=1")).collect::<Vec<_>>();
        let of = |count| {
            Parameters::parse(many.iter().take(count).cloned().collect::<Vec<_>>().join("&").as_bytes()).check().is_ok()
        };
        assert_eq!((of(64), of(65)), (true, false));
    }

    #[test]
    fn number_with_a_sign_or_a_letter_is_refused() {
        let of = |text: &str| Parameters::parse(format!("max_age={text}").as_bytes()).number("max_age").ok();
        assert_eq!((of("0"), of("3600"), of("")), (Some(Some(0)), Some(Some(3_600)), Some(None)));
        for text in ["-1", "%2B1", "1s", "1.5", "4294967296"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
