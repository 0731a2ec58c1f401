#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
use super::*;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

#[test]
fn hmac_sha1_equals_the_hmac_crate_at_every_length_and_split() {
    let message: [u8; 200] = core::array::from_fn(|i| u8::try_from(i).unwrap());
    for length in 0..=200 {
        let key = &message[..length % 65];
        let mut expected = Hmac::<Sha1>::new_from_slice(key).unwrap();
        expected.update(&message[..length]);
        let expected: [u8; 20] = expected.finalize().into_bytes().into();
        let hmac = HmacSha1::absorb(key);
        assert_eq!(hmac.mac(&message[..length]), expected);
        for split in 0..=length {
            let mut running = hmac.start();
            running.update(&message[..split]);
            running.update(&message[split..length]);
            assert_eq!(running.finish(), expected, "{length} split at {split}");
        }
    }
}
