//! Fuzzes certificates. The target checks that the channel bindings contain a hash of the certificate, unless the
//! library refuses the certificate.
#![no_main]

use kerberos_sso::ChannelBindings;
use kerberos_sso_fuzz::{allocated, printed};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

fuzz_target!(|certificate: &[u8]| {
    let binding = allocated::at_most(LIMIT, || ChannelBindings::tls_server_end_point(certificate));
    match binding {
        Ok(binding) => {
            printed::harmless_debug(&binding);
            let hashes = [
                Sha224::digest(certificate).to_vec(),
                Sha256::digest(certificate).to_vec(),
                Sha384::digest(certificate).to_vec(),
                Sha512::digest(certificate).to_vec(),
            ];
            let of = |hash: Vec<u8>| ChannelBindings::new(&[b"tls-server-end-point:", &hash[..]].concat());
            let shown = format!("{binding:?}");
            assert!(hashes.into_iter().any(|hash| format!("{:?}", of(hash)) == shown));
        }
        Err(error) => printed::harmless_error(&error),
    }
});

/// How many octets the computation may allocate: for a hash, its prefix, and the text of an object identifier. The
/// limit does not depend on the certificate's length.
const LIMIT: usize = 4096;
