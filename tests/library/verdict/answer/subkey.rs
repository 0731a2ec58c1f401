//! The acceptor subkey in an AP-REP: its type, and the list of types by which a client asks for another type (RFC 4537).

use super::*;

/// The acceptor subkey has the type of the client's subkey, or of the session key if the client sends no subkey.
#[cfg(feature = "rc4")]
#[test]
fn acceptor_subkey_has_the_type_of_the_key_that_the_client_uses() {
    let server = lenient();
    for session in BY_STRENGTH {
        let token = server.good().session_etype(session);
        let mut bare = token.clone();
        bare.authenticator.subkey = None;
        assert_eq!(ap_rep_to(&server, &bare).subkey, unless_rc4(session), "{session}");
        for subkey in BY_STRENGTH {
            let token = with_subkey(subkey, token.clone());
            assert_eq!(ap_rep_to(&server, &token).subkey, unless_rc4(subkey), "{session}, {subkey}");
        }
    }
}

fn unless_rc4(etype: EncType) -> Option<KeyParts> {
    (etype != EncType::RC4_HMAC).then(|| random_key(etype))
}

/// The test pairs every type that a client may use with every type that a client may list (RFC 4537).
#[cfg(feature = "rc4")]
#[test]
fn acceptor_subkey_has_the_type_that_the_client_lists_when_that_type_is_stronger() {
    let server = lenient();
    for (rank, current) in BY_STRENGTH.into_iter().enumerate() {
        for (listed_rank, listed) in BY_STRENGTH.into_iter().enumerate() {
            let token = listing(&[listed.0], server.good().session_etype(current));
            let expected = if listed_rank > rank { Some(random_key(listed)) } else { unless_rc4(current) };
            assert_eq!(ap_rep_to(&server, &token).subkey, expected, "{current}, {listed}");
        }
    }
}

#[test]
fn acceptor_subkey_has_the_strongest_listed_type_in_any_order() {
    let server = lenient();
    let of = |etypes: &[i32]| {
        let token = server.good().session_etype(EncType::AES128_CTS_HMAC_SHA1_96);
        ap_rep_to(&server, &listing(etypes, token)).subkey_etype().unwrap().0
    };
    assert_eq!(of(&[18, 20, 19, 17, 23]), 20);
    assert_eq!(of(&[17, 19, 18]), 18);
    assert_eq!(of(&[23, 19]), 19);
    assert_eq!(of(&[16, 3, -133, i32::MIN, i32::MAX, 25, 26]), 17);
    assert_eq!(of(&[]), 17);
}

#[test]
fn listed_types_that_the_policy_does_not_allow_are_ignored() {
    let aes128 = EncType::AES128_CTS_HMAC_SHA1_96;
    let policy = Policy::default().with_session_etypes(&[aes128, EncType::AES256_CTS_HMAC_SHA1_96]);
    let server = Server::with_policy(policy);
    let token = listing(&[20, 19, 18], server.good().session_etype(aes128));
    assert_eq!(ap_rep_to(&server, &token).subkey, Some(random_key(EncType::AES256_CTS_HMAC_SHA1_96)));
}

/// RFC 4537 requires the list in an AD-IF-RELEVANT. The server also reads a list that a client sends without
/// AD-IF-RELEVANT.
#[test]
fn list_of_encryption_types_outside_of_ad_if_relevant_is_used() {
    let server = Server::new();
    let mut token = server.good();
    token.authenticator.authorization_data.push((129, etype_list(&[20])));
    assert_eq!(ap_rep_to(&server, &token).subkey_etype(), Some(EncType::AES256_CTS_HMAC_SHA384_192));
}

#[test]
fn list_of_encryption_types_in_the_ticket_is_ignored() {
    let server = Server::new();
    let mut token = server.good();
    token.ticket.authorization_data.push(if_relevant(&[(129, etype_list(&[20]))]));
    assert_eq!(ap_rep_to(&server, &token).subkey_etype(), Some(EncType::AES256_CTS_HMAC_SHA1_96));
}

/// The list can only ask for a stronger key and does not affect the client's identity. A malformed list is
/// therefore no reason to refuse the client.
#[test]
fn malformed_list_of_encryption_types_is_ignored() {
    let server = Server::new();
    let etype_for = |data: Vec<u8>| {
        let mut token = server.good();
        token.authenticator.authorization_data.push(if_relevant(&[(129, data)]));
        ap_rep_to(&server, &token).subkey_etype().unwrap().0
    };
    let list = etype_list(&[20, 19]);
    assert_eq!(etype_for(list.clone()), 20);
    for length in 0..list.len() {
        assert_eq!(etype_for(list[..length].to_vec()), 18, "the first {length} octets");
    }
    assert_eq!(etype_for([&list[..], &[0]].concat()), 18);
    assert_eq!(etype_for(vec![0x30, 0x05, 0x02, 0x00, 0x02, 0x01, 0x14]), 18);
    assert_eq!(etype_for(vec![0x30, 0x03, 0x04, 0x01, 0x14]), 18);
    let most: Vec<i32> = (0..64).collect();
    assert_eq!(etype_for(etype_list(&most)), 20);
    let more: Vec<i32> = (0..65).collect();
    assert_eq!(etype_for(etype_list(&more)), 18);
}

#[cfg(feature = "rc4")]
#[test]
fn ap_rep_has_no_subkey_when_the_policy_forbids_acceptor_subkeys() {
    let server = Server::with_policy(all_etypes().with_acceptor_subkey(AcceptorSubkeyPolicy::Never));
    for etype in BY_STRENGTH {
        let token = listing(&[20], server.good().session_etype(etype));
        assert_eq!(ap_rep_to(&server, &token).subkey, None);
    }
}

/// The subkey makes the server's AP-REP differ from the client's AP-REP.
#[cfg(feature = "rc4")]
#[test]
fn ap_rep_of_dce_style_always_has_an_acceptor_subkey() {
    for policy in [AcceptorSubkeyPolicy::Never, AcceptorSubkeyPolicy::Always] {
        let server = Server::with_policy(all_etypes().with_acceptor_subkey(policy));
        for etype in BY_STRENGTH {
            let token = dce_style(server.good().session_etype(etype));
            assert_eq!(ap_rep_to(&server, &token).subkey, Some(random_key(etype)), "{etype}");
        }
        let token = listing(&[20], dce_style(server.good()));
        assert_eq!(ap_rep_to(&server, &token).subkey_etype().unwrap().0, 20);
    }
}
