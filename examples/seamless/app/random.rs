//! The randomness of the operating system.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Returns 256 random bits in base64url, which nobody can guess.
#[expect(clippy::expect_used, reason = "a server without randomness must stop")]
pub(crate) fn random() -> String {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).expect("the operating system has randomness");
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}
