//! The verifier of a password, in the public format of Microsoft Entra Connect.
//!
//! The format is `v1;PPH1_MD4,<salt>,<iterations>,<hash>;`. The hash is PBKDF2-HMAC-SHA256 over the NT hash in upper-case
//! hexadecimal digits in UTF-16LE, with a salt of 10 octets. The hash has 32 octets (MicrosoftDocs/entra-docs
//! `how-to-connect-password-hash-synchronization.md`).

use crate::nt_hash::NtHash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

/// The verifier of a password. A holder of a verifier can try to guess the password, but cannot sign in to the
/// directory with the verifier.
#[derive(Clone)]
pub struct Verifier {
    parameters: Parameters,
    hash: Zeroizing<[u8; 32]>,
}

/// The public part of a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    salt: [u8; 10],
    iterations: u32,
}

/// The error for a number of iterations that is not from [`MIN_ITERATIONS`] to [`MAX_ITERATIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} iterations; from {MIN_ITERATIONS} to {MAX_ITERATIONS} are allowed")]
pub struct Iterations(pub u32);

impl Parameters {
    /// Makes the parameters of a new verifier. `salt` must be random.
    ///
    /// # Errors
    /// Returns an error if the number of iterations is not from [`MIN_ITERATIONS`] to [`MAX_ITERATIONS`].
    pub const fn new(salt: [u8; 10], iterations: u32) -> Result<Self, Iterations> {
        match iterations {
            MIN_ITERATIONS..=MAX_ITERATIONS => Ok(Self { salt, iterations }),
            _ => Err(Iterations(iterations)),
        }
    }

    /// Returns the number of iterations.
    #[must_use]
    pub const fn iterations(self) -> u32 {
        self.iterations
    }

    /// Derives the verifier of a hash. The derivation takes tens of milliseconds at [`DEFAULT_ITERATIONS`].
    #[must_use]
    pub fn derive(self, hash: &NtHash) -> Verifier {
        let mut derived = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<sha2::Sha256>(&*hash.digits(), &self.salt, self.iterations, &mut *derived);
        Verifier { parameters: self, hash: derived }
    }
}

impl Verifier {
    /// Returns the salt and the number of iterations.
    #[must_use]
    pub const fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Returns the derived octets, by which a wrong password is recognised when it comes again.
    #[must_use]
    pub fn octets(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Compares two verifiers in constant time. Returns whether both verifiers have the same parameters and are of the
    /// same password.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.parameters == other.parameters && bool::from(self.hash.ct_eq(&*other.hash))
    }
}

/// Hides the hash.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier(.., {} iterations)", self.parameters.iterations)
    }
}

impl Verifier {
    /// Returns the verifier as the text `v1;PPH1_MD4,SALT,ITERATIONS,HASH;`.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let Parameters { salt, iterations } = self.parameters;
        Zeroizing::new(format!("v1;PPH1_MD4,{},{iterations},{};", Digits(&salt), Digits(&*self.hash)))
    }
}

/// A text that is no verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidVerifier {
    /// The text does not have the form `v1;PPH1_MD4,<salt>,<iterations>,<hash>;`.
    #[error("not of the form v1;PPH1_MD4,<20 digits>,<iterations>,<64 digits>;")]
    Form,
    /// The number of iterations is out of its bounds.
    #[error(transparent)]
    Iterations(#[from] Iterations),
}

impl FromStr for Verifier {
    type Err = InvalidVerifier;

    fn from_str(text: &str) -> Result<Self, InvalidVerifier> {
        let fields = text.strip_prefix("v1;PPH1_MD4,").and_then(|rest| rest.strip_suffix(';'));
        let mut fields = fields.ok_or(InvalidVerifier::Form)?.split(',');
        let (Some(salt), Some(iterations), Some(hash), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(InvalidVerifier::Form);
        };
        let is_number = iterations.bytes().all(|byte| byte.is_ascii_digit()) && !iterations.starts_with('0');
        let iterations = iterations.parse().ok().filter(|_| is_number).ok_or(InvalidVerifier::Form)?;
        let salt = octets(salt).ok_or(InvalidVerifier::Form)?;
        let hash = octets(hash).map(Zeroizing::new).ok_or(InvalidVerifier::Form)?;
        Ok(Self { parameters: Parameters::new(salt, iterations)?, hash })
    }
}

impl Serialize for Verifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Verifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Octets that are shown as hexadecimal digits.
struct Digits<'a>(&'a [u8]);

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Reads octets in hexadecimal digits of either case.
pub(crate) fn octets<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut octets = [0; N];
    if !is_hex || digits.len() != N.checked_mul(2)? {
        return None;
    }
    for (octet, at) in octets.iter_mut().zip((0..).step_by(2)) {
        *octet = u8::from_str_radix(digits.get(at..)?.get(..2)?, 16).ok()?;
    }
    Some(octets)
}

/// The number of iterations of new verifiers. Microsoft Entra Connect uses 1,000.
pub const DEFAULT_ITERATIONS: u32 = 100_000;

/// The smallest number of iterations that a verifier may have.
pub const MIN_ITERATIONS: u32 = 1_000;

/// The largest number of iterations that a verifier may have. With this number, a derivation takes some hundred
/// milliseconds.
pub const MAX_ITERATIONS: u32 = 1_000_000;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The test vector of DSInternals (`ConvertTo-OrgIdHash`) for the password `Pa$$w0rd`.
    const VECTOR: &str = "v1;PPH1_MD4,317ee9d1dec6508fa510,1000,\
                          7eaea8e1628dffee62cf319f4e1fc05254da30a1d42ff755ff352f5b13497531;";

    /// The older test vector of DSInternals, for the same password and salt.
    const OF_100_ITERATIONS: &str = "v1;PPH1_MD4,317ee9d1dec6508fa510,100,\
                                     f4a257ffec53809081a605ce8ddedfbc9df9777b80256763bc0a6dd895ef404f;";

    fn derived(password: &str, iterations: u32) -> Verifier {
        let salt = octets("317ee9d1dec6508fa510").unwrap();
        Parameters::new(salt, iterations).unwrap().derive(&NtHash::of_password(password))
    }

    #[test]
    fn public_vectors_are_derived() {
        assert_eq!(*derived("Pa$$w0rd", 1000).to_text(), VECTOR);
        let parameters = Parameters { iterations: 100, ..derived("", 1000).parameters };
        assert_eq!(*parameters.derive(&NtHash::of_password("Pa$$w0rd")).to_text(), OF_100_ITERATIONS);
    }

    /// The hash of the test is the one that `samba-tool user syncpasswords` prints for this password.
    #[test]
    fn verifier_from_the_hash_of_a_directory_matches_the_password() {
        let hash = octets("92937945b518814341de3f726500d4ff").unwrap();
        let verifier = derived("Pa$$w0rd", 1000);
        assert!(verifier.is(&verifier.parameters().derive(&NtHash::new(hash))));
    }

    #[test]
    fn verifier_matches_its_password_only() {
        let verifier = derived("Pa$$w0rd", 1000);
        assert!(verifier.is(&derived("Pa$$w0rd", 1000)));
        for (password, iterations) in [("pa$$w0rd", 1000), ("", 1000), ("Pa$$w0rd", 1001)] {
            assert!(!verifier.is(&derived(password, iterations)), "{password} {iterations}");
        }
    }

    #[test]
    fn text_form_is_read_back_and_hexadecimal_digits_may_be_of_either_case() {
        let verifier = derived("x", 1000);
        let text = verifier.to_text();
        assert!(verifier.is(&text.parse().unwrap()));
        let upper = text.to_uppercase().replacen("V1", "v1", 1);
        assert!(verifier.is(&upper.parse().unwrap()));
    }

    #[test]
    fn text_of_another_form_is_refused() {
        let good = VECTOR;
        assert!(good.parse::<Verifier>().is_ok());
        for bad in [
            String::new(),
            good.replace("v1;", "v2;"),
            good.replace("PPH1_MD4", "PPH2_MD4"),
            good.replace(';', ""),
            good.replace("317e", "317"),
            good.replace("317e", "317g"),
            good.replace("7eae", "7eaé"),
            good.replace(",1000,", ",+1000,"),
            good.replace(",1000,", ",01000,"),
            good.replace(",1000,", ",,"),
            good.replace(",1000,", ",1000,1000,"),
            good.replace(",1000,", ",99999999999,"),
            format!("{good} "),
            OF_100_ITERATIONS.replace("100,", "1e3,"),
        ] {
            assert_eq!(bad.parse::<Verifier>().err(), Some(InvalidVerifier::Form), "{bad}");
        }
    }

    #[test]
    fn iterations_are_taken_from_1000_to_1000000() {
        let of = |iterations: u32| VECTOR.replace(",1000,", &format!(",{iterations},")).parse::<Verifier>().err();
        assert_eq!((of(1_000), of(1_000_000)), (None, None));
        assert_eq!(OF_100_ITERATIONS.parse::<Verifier>().err(), Some(InvalidVerifier::Iterations(Iterations(100))));
        assert_eq!(of(999), Some(InvalidVerifier::Iterations(Iterations(999))));
        assert_eq!(of(1_000_001), Some(InvalidVerifier::Iterations(Iterations(1_000_001))));
    }

    #[test]
    fn debug_form_has_no_digit_of_the_hash() {
        assert_eq!(format!("{:?}", derived("Pa$$w0rd", 1000)), "Verifier(.., 1000 iterations)");
    }
}
