//! Tests of the public cryptography with published vectors, and with wrong input that must fail.

use crate::records;

use hmac::digest::Digest as _;
use kerberos_sso::crypto::{
    ChecksumType, Cipher, DecryptError, EncType, InvalidKey, Key, KeyUsage, MAX_ITERATIONS, StringToKeyError,
    WrongChecksum, string_to_key, string_to_key_utf16,
};
use records::{Record, for_each};

#[cfg(feature = "rc4")]
#[test]
fn ciphertexts_of_mit_are_the_same_after_decryption_and_encryption() {
    for_each(include_str!("../../../testvectors/crypto/encryption.txt"), 15, |record| {
        let cipher = key(record).cipher(KeyUsage(record.number("Usage")));
        let (plaintext, ciphertext) = (record.octets("Plaintext"), record.octets("Ciphertext"));
        let mut buffer = vec![0; ciphertext.len()];
        let range = cipher.decrypt(&ciphertext, &mut buffer).unwrap();
        assert_eq!(buffer[range.clone()], plaintext);
        let mut confounder = [0; 16];
        confounder[..range.start].copy_from_slice(&buffer[..range.start]);
        assert_eq!(encrypt(&cipher, &confounder, &plaintext), ciphertext);
    });
}

#[test]
fn encryption_vectors_of_rfc_8009_encrypt_and_decrypt() {
    for_each(include_str!("../../../testvectors/crypto/encryption_sha2.txt"), 8, |record| {
        let cipher = key(record).cipher(KeyUsage(record.number("Usage")));
        let confounder = record.octets("Confounder").try_into().unwrap();
        let (plaintext, mac) = (record.octets("Plaintext"), record.octets("MAC"));
        let ciphertext = [record.octets("AES"), mac.clone()].concat();
        assert_eq!(encrypt(&cipher, &confounder, &plaintext), ciphertext);
        assert_eq!(decrypt(&cipher, &ciphertext).unwrap(), plaintext);
        assert_eq!(cipher.mac_of(&ciphertext).unwrap(), mac);
    });
}

#[cfg(feature = "rc4")]
#[test]
fn checksum_vectors_verify_when_the_message_comes_in_two_parts() {
    for_each(include_str!("../../../testvectors/crypto/checksum.txt"), 5, |record| {
        let checksummer = key(record).checksummer(KeyUsage(record.number("Usage")));
        let (message, checksum) = (record.octets("Message"), record.octets("Checksum"));
        assert_eq!(checksummer.checksum_type(), ChecksumType(record.number("ChecksumType")));
        assert_eq!(checksummer.checksum_type().checksum_len(), Some(checksum.len()));
        for split in 0..=message.len() {
            let mut running = checksummer.start();
            running.update(&message[..split]);
            running.update(&message[split..]);
            assert_eq!(running.clone().finish().as_ref(), checksum);
            assert_eq!(running.verify(&checksum), Ok(()));
        }
    });
}

#[test]
fn string_to_key_gives_the_keys_of_rfc_3962() {
    for_each(include_str!("../../../testvectors/crypto/string_to_key.txt"), 14, |record| {
        let enc_type = EncType(record.number("EncType"));
        let (password, salt) = (record.octets("Password"), record.octets("Salt"));
        let (iterations, intermediate) = (record.number("Iterations"), record.octets("Pbkdf2"));
        let mut pbkdf2 = vec![0; intermediate.len()];
        pbkdf2::pbkdf2_hmac::<sha1::Sha1>(&password, &salt, iterations, &mut pbkdf2);
        assert_eq!(pbkdf2, intermediate);
        assert_password(enc_type, &password, &salt, iterations, &record.octets("Key"));
    });
}

#[test]
fn string_to_key_gives_the_keys_of_rfc_8009() {
    for_each(include_str!("../../../testvectors/crypto/string_to_key_sha2.txt"), 2, |record| {
        let enc_type = EncType(record.number("EncType"));
        let (password, salt) = (record.octets("Password"), record.octets("Salt"));
        assert_eq!([enc_type.name().unwrap().as_bytes(), &[0], &salt].concat(), record.octets("SaltP"));
        let (iterations, key) = (record.number("Iterations"), record.octets("Key"));
        assert_password(enc_type, &password, &salt, iterations, &key);
        assert_eq!(string_to_key(enc_type, "password", &salt, None).unwrap().expose_bytes(), key);
    });
}

#[cfg(feature = "rc4")]
#[test]
fn nt_hash_of_a_password_is_the_published_rc4_key() {
    for_each(include_str!("../../../testvectors/crypto/nt_hash.txt"), 3, |record| {
        let password = String::from_utf8(record.octets("Password")).unwrap();
        let hash = record.octets("Key");
        assert_eq!(Key::nt_hash(&password).as_slice(), hash);
        assert_password(EncType::RC4_HMAC, password.as_bytes(), b"no matter", 1, &hash);
        assert_eq!(Key::from_nt_hash(hash.clone().try_into().unwrap()), Key::new(EncType::RC4_HMAC, &hash).unwrap());
    });
}

#[test]
fn prf_gives_the_published_output() {
    for_each(include_str!("../../../testvectors/crypto/prf.txt"), 8, |record| {
        assert_eq!(key(record).prf(&record.octets("Input")), record.octets("Output"));
    });
}

#[cfg(feature = "rc4")]
#[test]
fn prf_gives_the_krb_fx_cf2_keys_of_rfc_6113() {
    for_each(include_str!("../../../testvectors/crypto/krb_fx_cf2.txt"), 5, |record| {
        let enc_type = EncType(record.number("EncType"));
        let expected = record.octets("Output");
        let half = |password: &str, pepper: u8| -> Vec<u8> {
            let key = string_to_key(enc_type, password, password.as_bytes(), None).unwrap();
            (1..=2).flat_map(|count| key.prf(&[count, pepper])).take(expected.len()).collect()
        };
        let combined: Vec<u8> = half("key1", b'a').iter().zip(half("key2", b'b')).map(|(a, b)| a ^ b).collect();
        assert_eq!(combined, expected, "{enc_type}");
    });
}

/// The password of a computer account is random 16-bit units. For AES, each unit that is not a character becomes
/// U+FFFD.
#[cfg(feature = "rc4")]
#[test]
fn utf16_password_with_lone_surrogates_gives_the_keys_of_windows() {
    let units = [0x0041, 0xD800, 0x0042, 0xDC00];
    let lossy = "A\u{FFFD}B\u{FFFD}";
    for enc_type in [EncType::AES128_CTS_HMAC_SHA1_96, EncType::AES256_CTS_HMAC_SHA384_192] {
        let key = string_to_key_utf16(enc_type, &units, b"salt", Some(3)).unwrap();
        assert_eq!(key, string_to_key(enc_type, lossy, b"salt", Some(3)).unwrap());
    }
    let octets = [0x41, 0, 0, 0xD8, 0x42, 0, 0, 0xDC];
    let key = string_to_key_utf16(EncType::RC4_HMAC, &units, b"", None).unwrap();
    assert_eq!(key.expose_bytes(), md4::Md4::digest(octets).as_slice());
}

#[test]
fn default_iteration_counts_are_those_of_rfc_3962_and_rfc_8009() {
    for (enc_type, iterations) in [(17, 4096), (18, 4096), (19, 32768), (20, 32768)] {
        let enc_type = EncType(enc_type);
        let key = string_to_key(enc_type, "p", b"s", None).unwrap();
        assert_eq!(key, string_to_key(enc_type, "p", b"s", Some(iterations)).unwrap());
    }
}

#[test]
fn iteration_count_of_zero_or_above_the_limit_is_refused() {
    for enc_type in [17, 18, 19, 20].map(EncType) {
        for iterations in [0, MAX_ITERATIONS + 1, u32::MAX] {
            let refused = string_to_key(enc_type, "p", b"s", Some(iterations));
            assert_eq!(refused, Err(StringToKeyError::Iterations { iterations }));
        }
    }
}

#[test]
fn key_of_a_wrong_length_is_refused() {
    for enc_type in EncType::SUPPORTED {
        let expected = enc_type.key_len().unwrap();
        for actual in (0..64).filter(|length| *length != expected) {
            let refused = Key::new(enc_type, &vec![1; actual]);
            assert_eq!(refused, Err(InvalidKey::Length { enc_type, expected, actual }));
        }
    }
}

#[test]
fn key_of_an_unsupported_type_is_refused() {
    for enc_type in [0, 1, 2, 3, 16, 24, 25, 26, -128, -133, -148, 99, i32::MIN].map(EncType) {
        assert_eq!(Key::new(enc_type, &[1; 16]), Err(InvalidKey::Unsupported { enc_type }));
        assert_eq!(string_to_key(enc_type, "p", b"s", None), Err(StringToKeyError::Unsupported { enc_type }));
    }
}

/// Keys of the same octets and different types are different keys.
#[cfg(feature = "rc4")]
#[test]
fn keys_with_equal_octets_and_different_types_are_not_equal() {
    let [sha1, sha2, rc4] = [17, 19, 23].map(|number| Key::new(EncType(number), &[1; 16]).unwrap());
    assert!(sha1 != sha2 && sha1 != rc4 && sha2 != rc4);
    let ciphertext = encrypt(&sha1.cipher(KeyUsage::TICKET), &[2; 16], &[3; 40]);
    for other in [sha2, rc4] {
        assert_eq!(decrypt(&other.cipher(KeyUsage::TICKET), &ciphertext), Err(DecryptError::Integrity));
    }
}

#[test]
fn debug_of_keys_and_ciphers_shows_no_octet_of_the_key() {
    for enc_type in EncType::SUPPORTED {
        let key = Key::new(enc_type, &vec![0xA7; enc_type.key_len().unwrap()]).unwrap();
        let shown = format!(
            "{key:?} {:?} {:?} {:?}",
            key.cipher(KeyUsage::TICKET),
            key.checksummer(KeyUsage::TICKET),
            key.checksummer(KeyUsage::TICKET).start()
        );
        assert!(shown.contains(&enc_type.to_string()), "{shown}");
        assert!(!shown.contains("167") && !shown.to_lowercase().contains("a7"), "{shown}");
    }
}

#[test]
fn plaintext_of_any_length_is_the_same_after_encryption_and_decryption() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::TICKET);
        for length in 0..=100 {
            let plaintext: Vec<u8> = (0..length).collect();
            let ciphertext = encrypt(&cipher, &[0x5A; 16], &plaintext);
            assert_eq!(ciphertext.len(), plaintext.len() + cipher.overhead());
            let mut buffer = vec![0xEE; ciphertext.len() + 3];
            let range = cipher.decrypt(&ciphertext, &mut buffer).unwrap();
            assert_eq!(buffer[range], plaintext);
            assert_eq!(buffer[ciphertext.len()..], [0xEE; 3]);
        }
    }
}

#[test]
fn encrypt_appends_the_ciphertext_to_the_output() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::TICKET);
        let mut out = b"before".to_vec();
        cipher.encrypt(&[1; 16], b"plaintext", &mut out);
        assert_eq!(out, [b"before".to_vec(), encrypt(&cipher, &[1; 16], b"plaintext")].concat());
    }
}

#[test]
fn ciphertext_with_a_flipped_bit_is_refused() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::AP_REQ_AUTHENTICATOR);
        for length in [0, 1, 15, 16, 17, 40] {
            let ciphertext = encrypt(&cipher, &[0x5A; 16], &vec![7; length]);
            for bit in 0..ciphertext.len() * 8 {
                let mut flipped = ciphertext.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(decrypt(&cipher, &flipped), Err(DecryptError::Integrity), "bit {bit}");
            }
        }
    }
}

#[test]
fn truncated_or_extended_ciphertext_is_refused() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::TICKET);
        let ciphertext = encrypt(&cipher, &[0x5A; 16], &[7; 40]);
        let minimum = cipher.min_ciphertext_len();
        for length in 0..ciphertext.len() {
            let expected = match length {
                short if short < minimum => DecryptError::TooShort { actual: short, minimum },
                _ => DecryptError::Integrity,
            };
            assert_eq!(decrypt(&cipher, &ciphertext[..length]), Err(expected));
            assert!(decrypt(&cipher, &ciphertext[ciphertext.len() - length..]).is_err());
        }
        assert_eq!(decrypt(&cipher, &[ciphertext, vec![0]].concat()), Err(DecryptError::Integrity));
    }
}

#[test]
fn ciphertext_with_a_zeroed_mac_is_refused() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::TICKET);
        let mut ciphertext = encrypt(&cipher, &[0x5A; 16], &[7; 40]);
        let mac = cipher.mac_of(&ciphertext).unwrap().to_vec();
        let start = ciphertext.windows(mac.len()).position(|window| window == mac).unwrap();
        ciphertext[start..start + mac.len()].fill(0);
        assert_eq!(decrypt(&cipher, &ciphertext), Err(DecryptError::Integrity));
    }
}

#[test]
fn ciphertext_with_swapped_blocks_is_refused() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::TICKET);
        for plaintext in [vec![7; 32], vec![7; 45]] {
            let ciphertext = encrypt(&cipher, &[0x5A; 16], &plaintext);
            for first in 0..ciphertext.len() / 16 - 1 {
                let mut swapped = ciphertext.clone();
                swapped[first * 16..first * 16 + 32].rotate_left(16);
                assert_eq!(decrypt(&cipher, &swapped), Err(DecryptError::Integrity), "block {first}");
            }
        }
    }
}

#[test]
fn ciphertext_and_checksum_are_refused_under_another_key_usage() {
    let usages = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 14, 17, 22, 23, 24, 25, 31, 32, 1024].map(KeyUsage);
    for key in keys() {
        for made in usages {
            let ciphertext = encrypt(&key.cipher(made), &[0x5A; 16], b"attack at dawn");
            let checksum = checksum(&key, made, b"attack at dawn");
            for used in usages.into_iter().filter(|used| *used != made && !same_for_rc4(&key, *used, made)) {
                assert_eq!(
                    decrypt(&key.cipher(used), &ciphertext),
                    Err(DecryptError::Integrity),
                    "{made:?} as {used:?}"
                );
                let verified = key.checksummer(used).verify(b"attack at dawn", &checksum);
                assert_eq!(verified, Err(WrongChecksum), "{made:?} as {used:?}");
            }
        }
    }
}

#[test]
fn ciphertext_is_refused_under_another_key() {
    for key in keys() {
        let ciphertext = encrypt(&key.cipher(KeyUsage::TICKET), &[0x5A; 16], b"attack at dawn");
        let mut octets = key.expose_bytes().to_vec();
        octets[0] ^= 1;
        let other = Key::new(key.etype(), &octets).unwrap();
        assert_ne!(key, other);
        assert_eq!(decrypt(&other.cipher(KeyUsage::TICKET), &ciphertext), Err(DecryptError::Integrity));
    }
}

#[test]
fn wrong_checksum_is_refused() {
    for key in keys() {
        let checksummer = key.checksummer(KeyUsage::PAC_SIGNATURE);
        let good = checksum(&key, KeyUsage::PAC_SIGNATURE, b"message");
        assert_eq!(checksummer.verify(b"message", &good), Ok(()));
        for bit in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(checksummer.verify(b"message", &flipped), Err(WrongChecksum));
        }
        for wrong in [&[], &good[1..], &good[..good.len() - 1], &[good.as_slice(), &[0]].concat(), &[0; 24]] {
            assert_eq!(checksummer.verify(b"message", wrong), Err(WrongChecksum));
        }
        assert_eq!(checksummer.verify(b"massage", &good), Err(WrongChecksum));
    }
}

/// Decryption of random octets of any length returns an error, causes no panic, and leaves no plaintext in the buffer.
#[test]
fn decryption_of_rubbish_fails_and_zeroes_the_buffer() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::TICKET);
        for length in (0..=100).chain([1000, 4096, 65537]) {
            let mut buffer = vec![0xEE; length];
            let rubbish: Vec<u8> = (0..length).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect();
            match cipher.decrypt(&rubbish, &mut buffer) {
                Err(DecryptError::TooShort { actual, minimum }) => assert!(actual == length && length < minimum),
                result => {
                    assert_eq!(result, Err(DecryptError::Integrity));
                    assert!(buffer.iter().all(|octet| *octet == 0));
                }
            }
            assert_eq!(cipher.mac_of(&rubbish).is_some(), length >= cipher.min_ciphertext_len());
        }
    }
}

#[test]
fn decryption_into_a_buffer_shorter_than_the_ciphertext_is_refused() {
    for key in keys() {
        let cipher = key.cipher(KeyUsage::TICKET);
        let ciphertext = encrypt(&cipher, &[0x5A; 16], b"plaintext");
        let needed = ciphertext.len();
        let refused = cipher.decrypt(&ciphertext, &mut vec![0; needed - 1]);
        assert_eq!(refused, Err(DecryptError::OutputTooSmall { available: needed - 1, needed }));
    }
}

#[test]
fn cipher_takes_at_most_1344_octets_of_memory_and_a_key_takes_at_most_36() {
    assert!(size_of::<Cipher>() <= 1344, "{}", size_of::<Cipher>());
    assert!(size_of::<Key>() <= 36, "{}", size_of::<Key>());
}

fn key(record: &mut Record) -> Key {
    Key::new(EncType(record.number("EncType")), &record.octets("Key")).unwrap()
}

fn keys() -> impl Iterator<Item = Key> {
    EncType::SUPPORTED.into_iter().map(|enc_type| {
        let octets: Vec<u8> = (1..).take(enc_type.key_len().unwrap()).collect();
        Key::new(enc_type, &octets).unwrap()
    })
}

fn encrypt(cipher: &Cipher, confounder: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    let mut ciphertext = Vec::new();
    cipher.encrypt(confounder, plaintext, &mut ciphertext);
    ciphertext
}

fn decrypt(cipher: &Cipher, ciphertext: &[u8]) -> Result<Vec<u8>, DecryptError> {
    let mut buffer = vec![0; ciphertext.len()];
    let range = cipher.decrypt(ciphertext, &mut buffer)?;
    Ok(buffer[range].to_vec())
}

fn checksum(key: &Key, usage: KeyUsage, message: &[u8]) -> Vec<u8> {
    let mut running = key.checksummer(usage).start();
    running.update(message);
    running.finish().as_ref().to_vec()
}

fn assert_password(enc_type: EncType, password: &[u8], salt: &[u8], iterations: u32, expected: &[u8]) {
    let password = core::str::from_utf8(password).unwrap();
    let units: Vec<u16> = password.encode_utf16().collect();
    let key = string_to_key(enc_type, password, salt, Some(iterations)).unwrap();
    assert_eq!(key.expose_bytes(), expected);
    assert_eq!(string_to_key_utf16(enc_type, &units, salt, Some(iterations)).unwrap(), key);
}

/// Returns whether RC4 treats the two key usages as equal. RFC 4757 gives the usages 3 and 8 the same message type.
fn same_for_rc4(key: &Key, one: KeyUsage, other: KeyUsage) -> bool {
    key.etype() == EncType::RC4_HMAC && [[3, 8], [8, 3]].contains(&[one.0, other.0])
}
