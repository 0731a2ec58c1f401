//! Fuzzes compressed claims. The target checks that both decompressors allocate memory only for their output, and not
//! more than the caller allows.
//!
//! The first octet of an input is the format: even means LZNT1, odd means LZ77 with Huffman. The next three
//! octets are the uncompressed size. The compressed octets follow.
#![no_main]

use kerberos_sso::crypto::{Checksummer, EncType, Key, KeyUsage};
use kerberos_sso::limits::MAX_CLAIMS_SIZE;
use kerberos_sso::pac::{BufferType, Pac};
use kerberos_sso::testing::PacBuffers;
use kerberos_sso_fuzz::claims::metadata;
use kerberos_sso_fuzz::input::Input;
use kerberos_sso_fuzz::{allocated, claims, server};
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

fuzz_target!(|input: &[u8]| {
    let mut input = Input::new(input);
    let compression = if input.octet() % 2 == 0 { LZNT1 } else { XPRESS_HUFFMAN };
    let [high, middle, low] = input.array();
    let size = u32::from_be_bytes([0, high, middle, low]);
    let buffer = metadata(input.rest(), compression, size);
    let service = &*SERVICE;
    let pac = service.buffers.clone().with(BufferType::CLIENT_CLAIMS_INFO, buffer).signed(&service.key);
    let length = pac.len();
    let Ok(pac) = Pac::read(&pac) else { return };
    let pac = pac.verify([&service.checksummer], None).unwrap();
    let encoded = pac.client_claims().expect("the buffer is there");
    claims::check(&encoded, length);
    // If the caller allows less than the uncompressed size, the decoder allocates no memory.
    let size = usize::try_from(size).unwrap();
    if let Some(less) = size.min(MAX_CLAIMS_SIZE).checked_sub(1) {
        assert!(allocated::at_most(0, || encoded.decode(less)).is_err());
    }
});

/// The formats of CLAIMS_COMPRESSION_FORMAT (MS-ADTS section 2.2.18.4).
const LZNT1: u16 = 2;
const XPRESS_HUFFMAN: u16 = 4;
