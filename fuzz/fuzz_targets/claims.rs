//! Fuzzes claims of a PAC. The target checks that claims use bounded memory, and that the library reads the same
//! claims after they are written again.
#![no_main]

use kerberos_sso::crypto::{Checksummer, EncType, Key, KeyUsage};
use kerberos_sso::pac::{BufferType, Claim, Pac};
use kerberos_sso::testing::PacBuffers;
use kerberos_sso_fuzz::claims::{claims_set, metadata};
use kerberos_sso_fuzz::{claims, server};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

struct Service {
    key: Key,
    checksummer: Checksummer,
    buffers: PacBuffers,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let realm = server::realm().of_active_directory();
    let key = realm.key(EncType::AES256_CTS_HMAC_SHA1_96);
    let buffers = realm.ticket_for(server::USER).ticket.pac_buffers().unwrap();
    Service { checksummer: key.checksummer(KeyUsage::PAC_SIGNATURE), key, buffers }
});

fuzz_target!(|buffer: &[u8]| {
    let Some(read) = decode(buffer) else { return };
    let set = claims_set(&read);
    let written = metadata(&set, 0, u32::try_from(set.len()).unwrap());
    if written.len() < ROOM {
        assert_eq!(decode(&written).unwrap(), read);
    }
});

/// Decodes claims; `None` if they are refused.
fn decode(buffer: &[u8]) -> Option<Vec<Claim>> {
    let service = &*SERVICE;
    let pac = service.buffers.clone().with(BufferType::CLIENT_CLAIMS_INFO, buffer).signed(&service.key);
    let length = pac.len();
    let pac = Pac::read(&pac).ok()?.verify([&service.checksummer], None).unwrap();
    // An empty buffer counts as a missing buffer.
    let encoded = pac.client_claims()?;
    claims::check(&encoded, length);
    encoded.decode(usize::MAX).ok()
}

/// The target writes and reads claims again only if they are shorter than this limit. Shorter claims fit into a
/// PAC.
const ROOM: usize = 60_000;
