//! The encryption types, with their names in the ids of the benches.

use kerberos_sso::crypto::EncType;

pub(crate) const ETYPES: [(&str, EncType); 5] = [
    ("aes256-sha1", EncType::AES256_CTS_HMAC_SHA1_96),
    ("aes128-sha1", EncType::AES128_CTS_HMAC_SHA1_96),
    ("aes128-sha2", EncType::AES128_CTS_HMAC_SHA256_128),
    ("aes256-sha2", EncType::AES256_CTS_HMAC_SHA384_192),
    ("rc4", EncType::RC4_HMAC),
];
