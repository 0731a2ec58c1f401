//! The text form of app passwords: six groups of four letters and digits, in base32 (RFC 4648 section 6) and in lower case.
//!
//! The text has 104 random bits and a tag of 16 bits. The tag shows the server that a password is an app password and
//! not a password of the directory. So the password grant of a tenant with app passwords never sends an app password to
//! the directory, not even a revoked app password. The tag depends on the server's secret.

use crate::clock;
use crate::store::{Locator, Secret};
use zeroize::Zeroizing;

/// An app password that a server with the same secret made. The store may no longer have this app password.
pub(crate) struct AppPassword(Zeroizing<[u8; RANDOM]>);

impl AppPassword {
    pub(super) fn random() -> Self {
        Self(Zeroizing::new(clock::random()))
    }

    /// Reads what a user typed, with or without spaces and hyphens, in upper or lower case. Returns `None` if no server
    /// with this secret made the text.
    pub(crate) fn parse(secret: &Secret, text: &str) -> Option<Self> {
        let letters = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(letters.map(digit).collect::<Option<_>>()?);
        let mut octets = Zeroizing::new(Vec::with_capacity(RANDOM.saturating_add(TAG)));
        let (eights, []) = digits.as_chunks::<8>() else { return None };
        for eight in eights {
            let bits = eight.iter().fold(0_u64, |bits, digit| (bits << 5) | u64::from(*digit));
            octets.extend(bits.to_be_bytes().into_iter().skip(3));
        }
        let (random, found) = octets.split_first_chunk::<RANDOM>()?;
        let password = Self(Zeroizing::new(*random));
        (found == password.tag(secret)).then_some(password)
    }

    /// Returns the text that the user sees once.
    pub(super) fn text(&self, secret: &Secret) -> Zeroizing<String> {
        let octets: Zeroizing<Vec<u8>> = Zeroizing::new(self.0.iter().copied().chain(self.tag(secret)).collect());
        let mut text = Zeroizing::new(String::with_capacity(TEXT));
        for (place, five) in octets.chunks(5).enumerate() {
            let bits = five.iter().fold(0_u64, |bits, octet| (bits << 8) | u64::from(*octet));
            for digit in 0..8_u64 {
                if digit.is_multiple_of(4) && (place, digit) != (0, 0) {
                    text.push('-');
                }
                text.push(letter(bits >> 35_u64.saturating_sub(digit.saturating_mul(5))));
            }
        }
        text
    }

    /// Returns the name of the app password in the store: the beginning of an HMAC with a key from the server's secret.
    /// Somebody who reads the store therefore learns no app password. An app password of one tenant is unknown in
    /// another tenant.
    #[expect(clippy::expect_used, reason = "a digest has more octets than a locator")]
    pub(super) fn locator(&self, secret: &Secret, tenant: &str) -> Locator {
        let name = secret.name(&[b"app password", tenant.to_ascii_lowercase().as_bytes(), self.0.as_slice()]);
        name.first_chunk().copied().expect("32 octets have 16 first octets")
    }

    #[expect(clippy::expect_used, reason = "a digest has more octets than a tag")]
    fn tag(&self, secret: &Secret) -> [u8; TAG] {
        let name = secret.name(&[b"tag of an app password", self.0.as_slice()]);
        name.first_chunk().copied().expect("32 octets have 2 first octets")
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => letter.checked_sub(b'a'),
        letter @ b'2'..=b'7' => letter.checked_sub(b'2')?.checked_add(26),
        _ => None,
    }
}

/// Returns the base32 letter for the last five bits of `bits`.
fn letter(bits: u64) -> char {
    let place = usize::try_from(bits & 31).unwrap_or_default();
    b"abcdefghijklmnopqrstuvwxyz234567".get(place).copied().map_or('a', char::from)
}

/// The number of random octets.
const RANDOM: usize = 13;

const TAG: usize = 2;

/// The length of the text: 24 letters and five hyphens.
const TEXT: usize = 29;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn text_has_six_groups_of_four_and_is_read_with_spaces_or_without_hyphens_or_in_upper_case() {
        let secret = Secret::new([1; 32]);
        let password = AppPassword::random();
        let text = password.text(&secret);
        assert!(text.len() == TEXT && text.split('-').all(|group| group.len() == 4), "{}", *text);
        for typed in [text.to_string(), text.replace('-', " "), text.replace('-', ""), text.to_uppercase()] {
            let read = AppPassword::parse(&secret, &typed).unwrap();
            assert_eq!(read.locator(&secret, "a.test"), password.locator(&secret, "A.test"), "{typed}");
        }
        assert_ne!(password.locator(&secret, "a.test"), password.locator(&secret, "b.test"));
        assert_ne!(*password.text(&secret), *AppPassword::random().text(&secret));
    }

    /// The letters are those of base32: RFC 4648 section 10 has the text `MZXW6YTB` for `fooba`.
    #[test]
    fn octets_are_written_in_the_base32_letters_of_rfc_4648() {
        let secret = Secret::new([1; 32]);
        let password = AppPassword(Zeroizing::new(*b"foobarfoobarf"));
        assert!(password.text(&secret).replace('-', "").starts_with("mzxw6ytb"), "{}", *password.text(&secret));
    }

    #[test]
    fn passphrase_and_app_password_of_another_server_and_part_of_an_app_password_are_refused() {
        let secret = Secret::new([1; 32]);
        let of_another = AppPassword::random().text(&Secret::new([2; 32])).to_string();
        let own = AppPassword::random().text(&secret).to_string();
        let part = own.get(..24).unwrap().to_owned();
        let texts = ["", "correcthorsebatterystapl", "Some.Pass.1", &of_another, &part, &format!("{own}-aaaa-aaaa")];
        assert!(texts.iter().all(|text| AppPassword::parse(&secret, text).is_none()), "{texts:?}");
    }
}
