//! Tests of encryption types, keys, ciphertexts and checksums. A ciphertext or checksum must verify only under the
//! right key and key usage.

use crate::common;

use common::refusals::Change;
use common::{Server, all_etypes, malformed};
use kerberos_sso::crypto::{ChecksumType, EncType, Key, KeyUsage};
use kerberos_sso::testing::{ChecksumParts, KeyParts, TestToken, TokenFraming, mech};
use kerberos_sso::{
    Account, Error, KeySet, Policy, ServiceKey,
    error::{BoundedText, ChecksumCause, EtypeCause, Integrity, KeyRole, Problem},
};

/// Returns a server that accepts every encryption type of the crate.
fn server_of_all_types() -> Server {
    Server::with_policy(all_etypes())
}

fn ticket_integrity(etype: EncType) -> Error {
    Error::Integrity(Integrity::Ticket {
        service: BoundedText::new("HTTP/www.contoso.test"),
        realm: BoundedText::new("CONTOSO.TEST"),
        etype,
        kvno: Some(1),
        account: BoundedText::new("AZUREADSSOACC$"),
        accounts: 1,
        tried: 1,
        left_out: 0,
        of_another_principal: false,
    })
}

const AUTHENTICATOR_INTEGRITY: Error = Error::Integrity(Integrity::Authenticator);

mod encryption_types {
    use super::*;

    const NOT_IMPLEMENTED: [i32; 16] = [0, 1, 2, 3, 5, 7, 16, 24, 25, 26, 65, 99, -128, -133, -135, i32::MIN];

    #[test]
    fn weak_or_unknown_encryption_type_is_refused_in_every_role() {
        let server = server_of_all_types();
        for number in NOT_IMPLEMENTED {
            let refused =
                |role| Error::UnsupportedEtype { role, etype: EncType(number), cause: EtypeCause::NotImplemented };
            assert_eq!(server.refusal(|token| token.ticket.etype = number.into()), refused(KeyRole::Ticket));
            let session = server.refusal(|token| token.ticket.session_key.keytype = number);
            assert_eq!(session, refused(KeyRole::Session));
            let subkey = server.refusal(|token| {
                token.authenticator.subkey = Some(KeyParts { keytype: number, keyvalue: vec![1; 16] });
            });
            assert_eq!(subkey, refused(KeyRole::Subkey));
        }
    }

    #[cfg(feature = "rc4")]
    #[test]
    fn rc4_is_refused_in_every_role_unless_the_policy_allows_rc4() {
        let server = Server::new();
        let allowing = server_of_all_types();
        let rc4 = EncType::RC4_HMAC;
        let changes: [(KeyRole, Change); 3] = [
            (KeyRole::Ticket, |token| *token = token.clone().etype(EncType::RC4_HMAC)),
            (KeyRole::Session, |token| {
                let subkey = token.authenticator.subkey.clone();
                *token = token.clone().session_etype(EncType::RC4_HMAC);
                token.authenticator.subkey = subkey;
            }),
            (KeyRole::Subkey, |token| {
                let keyvalue = vec![7; 16];
                token.authenticator.subkey = Some(KeyParts { keytype: EncType::RC4_HMAC.0, keyvalue });
            }),
        ];
        for (role, change) in changes {
            assert_eq!(server.refusal(change), Error::Rc4Refused { role });
            allowing.assert_accepts(change);
        }
        assert_eq!(allowing.accepts(|token| *token = token.clone().etype(rc4)).opened_by().etype(), rc4);
    }

    #[test]
    fn encryption_type_that_the_policy_does_not_allow_is_refused_in_its_role() {
        let types = [EncType::AES128_CTS_HMAC_SHA1_96];
        let left_out = EncType::AES256_CTS_HMAC_SHA1_96;
        let refused = |role| Error::UnsupportedEtype { role, etype: left_out, cause: EtypeCause::Policy };
        let narrow_ticket = Server::with_policy(Policy::default().with_ticket_etypes(&types));
        let good = || narrow_ticket.good().etype(types[0]);
        assert!(narrow_ticket.check(&good().mint()).is_ok());
        assert_eq!(narrow_ticket.check(&good().etype(left_out).mint()).unwrap_err(), refused(KeyRole::Ticket));
        let narrow_session = Server::with_policy(Policy::default().with_session_etypes(&types));
        let good = || narrow_session.good().session_etype(types[0]);
        assert!(narrow_session.check(&good().mint()).is_ok());
        let session = good().session_etype(left_out);
        assert_eq!(narrow_session.check(&session.mint()).unwrap_err(), refused(KeyRole::Session));
        let mut subkey = good();
        subkey.authenticator.subkey = narrow_session.good().authenticator.subkey;
        assert_eq!(narrow_session.check(&subkey.mint()).unwrap_err(), refused(KeyRole::Subkey));
    }

    /// The octets of the key can also be a key of another type with the same key length. The ticket names that other type.
    #[cfg(feature = "rc4")]
    #[test]
    fn ticket_of_another_type_with_the_same_key_octets_finds_no_key() {
        let same_length = [
            (EncType::AES128_CTS_HMAC_SHA1_96, EncType::AES128_CTS_HMAC_SHA256_128),
            (EncType::AES128_CTS_HMAC_SHA256_128, EncType::RC4_HMAC),
            (EncType::RC4_HMAC, EncType::AES128_CTS_HMAC_SHA1_96),
            (EncType::AES256_CTS_HMAC_SHA1_96, EncType::AES256_CTS_HMAC_SHA384_192),
            (EncType::AES256_CTS_HMAC_SHA384_192, EncType::AES256_CTS_HMAC_SHA1_96),
        ];
        for (held, used) in same_length {
            let all = server_of_all_types();
            let key = all.realm.key(held);
            let bytes = key.expose_bytes().to_vec();
            let account = Account::new("AZUREADSSOACC$", "CONTOSO.TEST").with_key(ServiceKey::new(key, Some(1)));
            let server = Server::with_keys(all.realm, KeySet::from(account), all_etypes());
            let good = server.good().etype(held);
            assert!(server.check(&good.mint()).is_ok());
            let other = good.encrypted_in(Key::new(used, &bytes).unwrap());
            assert_eq!(server.check(&other.mint()).unwrap_err().code(), "no-key", "{held} as {used}");
        }
    }

    #[test]
    fn ticket_that_names_a_wrong_encryption_type_does_not_open() {
        let server = server_of_all_types();
        for says in EncType::SUPPORTED {
            for is in EncType::SUPPORTED.into_iter().filter(|is| *is != says) {
                let error = server.refusal(|token| {
                    token.ticket.etype = says.0.into();
                    token.ticket.key = server.realm.key(is);
                });
                assert_eq!(error, ticket_integrity(says));
            }
        }
    }

    #[test]
    fn authenticator_that_names_another_type_than_its_session_key_does_not_open() {
        let server = server_of_all_types();
        for is in EncType::SUPPORTED {
            let good = server.good().session_etype(is);
            assert!(server.check(&good.mint()).is_ok());
            for says in [0, 1, 3, 16, 17, 18, 19, 20, 23, 24, 99, -128].into_iter().filter(|says| *says != is.0) {
                let mut token = good.clone();
                token.authenticator.etype = says.into();
                assert_eq!(server.check(&token.mint()).unwrap_err(), AUTHENTICATOR_INTEGRITY, "{is} as {says}");
            }
        }
    }
}

mod key_lengths {
    use super::*;

    #[test]
    fn session_key_of_a_wrong_length_is_malformed() {
        wrong_lengths("EncTicketPart.key", |token, key| token.ticket.session_key = key);
    }

    #[test]
    fn subkey_of_a_wrong_length_is_malformed() {
        wrong_lengths("Authenticator.subkey", |token, key| token.authenticator.subkey = Some(key));
    }

    fn wrong_lengths(what: &'static str, put: fn(&mut TestToken, KeyParts)) {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let expected = etype.key_len().unwrap();
            for found in [0, 1, 8, 15, 16, 17, 31, 32, 33, 64].into_iter().filter(|found| *found != expected) {
                let key = KeyParts { keytype: etype.0, keyvalue: vec![0x5A; found] };
                let error = server.refusal(|token| put(token, key));
                assert_eq!(error, malformed(what, 0, Problem::Size { expected, found }), "{etype}");
            }
        }
    }
}

mod ciphertexts {
    use super::*;

    const LENGTHS: [usize; 13] = [0, 1, 8, 15, 16, 23, 24, 27, 28, 29, 31, 43, 44];

    #[test]
    fn short_ciphertext_does_not_verify() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            for length in LENGTHS {
                let mut token = server.good().etype(etype);
                token.ticket.raw_cipher = Some(vec![0xA5; length]);
                assert_eq!(server.check(&token.mint()).unwrap_err(), ticket_integrity(etype), "{length}");
                let mut token = server.good().session_etype(etype);
                token.authenticator.raw_cipher = Some(vec![0xA5; length]);
                assert_eq!(server.check(&token.mint()).unwrap_err(), AUTHENTICATOR_INTEGRITY, "{etype} {length}");
            }
        }
    }

    #[test]
    fn truncated_ciphertext_does_not_verify() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let good = server.good().etype(etype).session_etype(etype);
            for length in LENGTHS {
                let mut token = good.clone();
                token.ticket.raw_cipher = Some(good.ticket.cipher()[..length].to_vec());
                assert_eq!(server.check(&token.mint()).unwrap_err(), ticket_integrity(etype), "{length}");
                let cipher = good.authenticator.cipher();
                for cut in [&cipher[..length], &cipher[..cipher.len() - 1], &cipher[1..]] {
                    let mut token = good.clone();
                    token.authenticator.raw_cipher = Some(cut.to_vec());
                    assert_eq!(server.check(&token.mint()).unwrap_err(), AUTHENTICATOR_INTEGRITY, "{etype} {length}");
                }
            }
        }
    }

    /// The ciphertext verifies, but its plaintext has no octets.
    #[test]
    fn empty_plaintext_is_malformed() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let mut token = server.good().etype(etype);
            token.ticket.raw = Some(Vec::new());
            let truncated = |what| malformed(what, 0, Problem::Truncated);
            assert_eq!(server.check(&token.mint()).unwrap_err(), truncated("EncTicketPart"));
            let mut token = server.good().session_etype(etype);
            token.authenticator.raw = Some(Vec::new());
            assert_eq!(server.check(&token.mint()).unwrap_err(), truncated("Authenticator"));
        }
    }

    #[test]
    fn ciphertext_with_any_bit_flipped_does_not_verify() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let good = server.good().etype(etype).session_etype(etype);
            let ticket = good.ticket.cipher();
            for bit in 0..ticket.len() * 8 {
                let mut token = good.clone();
                token.ticket.raw_cipher = Some(flipped(&ticket, bit));
                assert_eq!(server.check(&token.mint()).unwrap_err(), ticket_integrity(etype), "bit {bit}");
            }
            let authenticator = good.authenticator.cipher();
            for bit in 0..authenticator.len() * 8 {
                let mut token = good.clone();
                token.authenticator.raw_cipher = Some(flipped(&authenticator, bit));
                assert_eq!(server.check(&token.mint()).unwrap_err(), AUTHENTICATOR_INTEGRITY, "bit {bit}");
            }
        }
    }

    fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    }

    #[test]
    fn ciphertext_with_a_zeroed_or_missing_or_longer_mac_does_not_verify() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let good = server.good().etype(etype);
            let cipher = good.ticket.cipher();
            let mac = etype.checksum_type().unwrap().checksum_len().unwrap();
            let mut zeroed = cipher.clone();
            let place = if etype == EncType::RC4_HMAC { 0..mac } else { cipher.len() - mac..cipher.len() };
            zeroed[place].fill(0);
            let without = &cipher[..cipher.len() - mac];
            for changed in [zeroed, without.to_vec(), [&cipher[..], &[0]].concat()] {
                let mut token = good.clone();
                token.ticket.raw_cipher = Some(changed);
                assert_eq!(server.check(&token.mint()).unwrap_err(), ticket_integrity(etype));
            }
        }
    }

    #[test]
    fn ciphertext_with_swapped_blocks_does_not_verify() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let good = server.good().etype(etype);
            let cipher = good.ticket.cipher();
            let mac = etype.checksum_type().unwrap().checksum_len().unwrap();
            let blocks = (cipher.len() - mac) / 16;
            for block in 1..blocks {
                let mut swapped = cipher.clone();
                let (head, tail) = swapped.split_at_mut(block * 16);
                head[(block - 1) * 16..].swap_with_slice(&mut tail[..16]);
                let mut token = good.clone();
                token.ticket.raw_cipher = Some(swapped);
                assert_eq!(server.check(&token.mint()).unwrap_err(), ticket_integrity(etype), "block {block}");
            }
        }
    }

    #[test]
    fn ciphertext_under_another_key_does_not_verify() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let wrong = Key::new(etype, &vec![0x42; etype.key_len().unwrap()]).unwrap();
            let token = server.good().encrypted_in(wrong.clone());
            assert_eq!(server.check(&token.mint()).unwrap_err(), ticket_integrity(etype));
            let mut token = server.good().session_etype(etype);
            token.authenticator.key = wrong;
            assert_eq!(server.check(&token.mint()).unwrap_err(), AUTHENTICATOR_INTEGRITY);
        }
    }
}

mod key_usages {
    use super::*;

    #[test]
    fn ticket_that_is_encrypted_for_another_key_usage_than_2_does_not_open() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            for usage in (0..=30).chain([1024, u32::MAX]).filter(|usage| *usage != KeyUsage::TICKET.0) {
                let mut token = server.good().etype(etype);
                token.ticket.usage = KeyUsage(usage);
                assert_eq!(server.check(&token.mint()).unwrap_err(), ticket_integrity(etype), "{usage}");
            }
        }
    }

    #[test]
    fn authenticator_that_is_encrypted_for_another_key_usage_than_11_does_not_open() {
        let server = server_of_all_types();
        for etype in EncType::SUPPORTED {
            let usages = (0..=30).chain([1024, u32::MAX]);
            for usage in usages.filter(|usage| *usage != KeyUsage::AP_REQ_AUTHENTICATOR.0) {
                let mut token = server.good().session_etype(etype);
                token.authenticator.usage = KeyUsage(usage);
                assert_eq!(server.check(&token.mint()).unwrap_err(), AUTHENTICATOR_INTEGRITY, "{etype} {usage}");
            }
        }
    }

    #[test]
    fn ticket_ciphertext_and_authenticator_ciphertext_are_refused_when_they_are_exchanged() {
        let server = Server::new();
        let error = server.refusal(|token| token.authenticator.raw_cipher = Some(token.ticket.cipher()));
        assert_eq!(error, AUTHENTICATOR_INTEGRITY);
        let error = server.refusal(|token| token.ticket.raw_cipher = Some(token.authenticator.cipher()));
        assert_eq!(error, ticket_integrity(EncType::AES256_CTS_HMAC_SHA1_96));
    }

    #[test]
    fn authenticator_of_another_session_does_not_verify() {
        let server = Server::new();
        let other = server.good().authenticator.cipher();
        assert_eq!(server.refusal(|token| token.authenticator.raw_cipher = Some(other)), AUTHENTICATOR_INTEGRITY);
    }
}

mod checksums {
    use super::*;

    #[test]
    fn checksum_type_that_uses_no_key_is_refused() {
        let server = Server::new();
        for (cksumtype, length) in [(1, 4), (2, 16), (7, 16), (10, 20), (14, 20), (0, 0), (99, 12), (0x8004, 24)] {
            for framing in [server.good().framing, TokenFraming::ApReq] {
                let error = server.refusal(|token| {
                    token.framing = framing;
                    token.authenticator.cksum = ChecksumParts::Other { cksumtype, checksum: vec![0; length] };
                });
                assert_eq!(error, Error::Checksum(ChecksumCause::Type(ChecksumType(cksumtype))));
            }
        }
    }

    /// RFC 3961 section 4: each encryption type has its own checksum type. HMAC-MD5 belongs to RC4, so the server
    /// refuses an HMAC-MD5 checksum under an AES session key.
    #[test]
    fn keyed_checksum_is_refused_when_its_type_does_not_belong_to_the_session_key() {
        let server = server_of_all_types();
        for session in EncType::SUPPORTED {
            for other in EncType::SUPPORTED.into_iter().filter(|other| *other != session) {
                let mut token = server.good().session_etype(session);
                let checksum_type = other.checksum_type().unwrap();
                let checksum = vec![0; checksum_type.checksum_len().unwrap()];
                token.authenticator.cksum = ChecksumParts::Other { cksumtype: checksum_type.0, checksum };
                let refused = Error::Checksum(ChecksumCause::Type(checksum_type));
                assert_eq!(server.check(&token.mint()).unwrap_err(), refused);
            }
        }
    }

    #[test]
    fn keyed_checksum_that_does_not_verify_is_refused() {
        let server = server_of_all_types();
        for session in EncType::SUPPORTED {
            let good = server.good().session_etype(session);
            let with = |cksum| {
                let mut token = good.clone();
                token.authenticator.cksum = cksum;
                server.check(&token.mint()).map(drop)
            };
            let right = ChecksumParts::keyed(&good.authenticator.key, b"");
            assert_eq!(with(right.clone()), Ok(()));
            let ChecksumParts::Other { cksumtype, checksum } = right else { panic!("the checksum is keyed") };
            let wrong = Err(Error::Checksum(ChecksumCause::Wrong));
            assert_eq!(with(ChecksumParts::keyed(&good.authenticator.key, b"x")), wrong);
            assert_eq!(
                with(ChecksumParts::keyed(&good.ticket.key, b"")),
                if good.ticket.key.etype() == session {
                    wrong.clone()
                } else {
                    Err(Error::Checksum(ChecksumCause::Type(good.ticket.key.etype().checksum_type().unwrap())))
                }
            );
            let mut flipped = checksum.clone();
            flipped[0] ^= 1;
            for changed in
                [flipped, checksum[..checksum.len() - 1].to_vec(), Vec::new(), [&checksum[..], &[0]].concat()]
            {
                assert_eq!(with(ChecksumParts::Other { cksumtype, checksum: changed }), wrong);
            }
        }
    }

    /// MS-KILE section 3.4.5 accepts tokens without a checksum. The framing is not protected, so an attacker could avoid a
    /// check that applies to one framing only.
    #[test]
    fn token_without_a_checksum_is_accepted_in_every_framing() {
        let server = Server::new();
        for framing in [server.good().framing, TokenFraming::Krb5(mech::KRB5.into()), TokenFraming::ApReq] {
            server.assert_accepts(|token| {
                token.framing = framing;
                token.authenticator.cksum = ChecksumParts::Absent;
            });
        }
    }

    #[test]
    fn gss_checksum_of_fewer_than_24_octets_is_refused() {
        let server = Server::new();
        for length in 0..24 {
            let error = server.refusal(|token| {
                let checksum = token.authenticator.gss.encode()[..length].to_vec();
                token.authenticator.cksum = ChecksumParts::Other { cksumtype: 0x8003, checksum };
            });
            assert_eq!(error, Error::Checksum(ChecksumCause::Short(length)));
        }
    }

    #[test]
    fn gss_checksum_with_a_binding_length_other_than_16_is_refused() {
        let server = Server::new();
        for length in [0, 15, 17, 24, 0x1000_0000, 0x1000_0010, u32::MAX] {
            let error = server.refusal(|token| token.authenticator.gss.length = length);
            assert_eq!(error, Error::Checksum(ChecksumCause::BindingLength(length)));
        }
    }

    #[test]
    fn gss_checksum_with_delegated_credentials_beyond_its_end_is_refused() {
        let server = Server::new();
        let credentials = vec![0x76; 300];
        server.assert_accepts(|token| *token = token.clone().delegating(&credentials));
        for claimed in [301, 302, u16::MAX] {
            let error = server.refusal(|token| {
                *token = token.clone().delegating(&credentials);
                token.authenticator.gss.delegation = Some((1, claimed, credentials.clone()));
            });
            assert_eq!(error, Error::Checksum(ChecksumCause::DelegationLength));
        }
        for cut in 1..=3 {
            let error = server.refusal(|token| {
                token.authenticator.gss.flags |= 1;
                token.authenticator.gss.extensions = vec![0; cut];
            });
            assert_eq!(error, Error::Checksum(ChecksumCause::DelegationLength));
        }
        server.assert_accepts(|token| {
            *token = token.clone().delegating(&credentials);
            token.authenticator.gss.extensions = vec![0, 0, 0, 1, 0, 0, 0, 0];
        });
    }
}
