//! The security context that the client and the server share after the answer.

use super::*;

fn both_ways(server: &Server, token: &TestToken) {
    let answer = answer_to(server, token);
    let mut client = TestClient::of(token).complete(answer.token()).unwrap();
    assert_shared(&mut client, &mut answer.into_context());
}

fn framings() -> [TokenFraming; 4] {
    let krb5 = |oid: &[u8]| TokenFraming::Krb5(oid.into());
    [TokenFraming::Spnego(SpnegoParts::default()), krb5(mech::KRB5), krb5(mech::MS_KRB5), TokenFraming::ApReq]
}

/// The test combines session keys of every type, every framing, mutual authentication, and policies of the acceptor
/// subkey.
#[cfg(feature = "rc4")]
#[test]
fn client_and_server_share_a_context_under_every_encryption_type_and_framing() {
    for policy in [AcceptorSubkeyPolicy::Always, AcceptorSubkeyPolicy::Never] {
        let server = Server::with_policy(all_etypes().with_acceptor_subkey(policy));
        for etype in BY_STRENGTH {
            for framing in framings() {
                let mutual = server.good().session_etype(etype).framed(framing);
                let mut without_subkey = mutual.clone();
                without_subkey.authenticator.subkey = None;
                let mut unnumbered = mutual.clone();
                unnumbered.authenticator.seq_number = None;
                for token in [&mutual, &without_subkey, &unnumbered] {
                    both_ways(&server, token);
                    both_ways(&server, &without(GssFlags::MUTUAL, token.clone()));
                    both_ways(&server, &listing(&[20, 18], token.clone()));
                    both_ways(&server, &listing(&[20, 18], without(GssFlags::MUTUAL, token.clone())));
                }
            }
        }
    }
}

#[cfg(feature = "rc4")]
#[test]
fn client_and_server_share_a_context_with_any_32_bit_sequence_number() {
    let server = lenient();
    for etype in [EncType::RC4_HMAC, EncType::AES256_CTS_HMAC_SHA1_96] {
        for number in [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
            let mut token = server.good().session_etype(etype);
            token.authenticator.seq_number = Some(number);
            both_ways(&server, &token);
            both_ways(&server, &without(GssFlags::MUTUAL, token));
        }
    }
}

/// The context uses the last key that both sides agreed on: the acceptor subkey, the client's subkey, or the
/// session key.
#[cfg(feature = "rc4")]
#[test]
fn context_has_the_encryption_type_of_the_last_key_that_both_sides_agreed_on() {
    let server = lenient();
    let rc4 = server.good().session_etype(EncType::RC4_HMAC);
    let aes = with_subkey(EncType::AES128_CTS_HMAC_SHA1_96, rc4.clone());
    for (token, etype) in [
        (rc4.clone(), 23),
        (listing(&[18], rc4.clone()), 18),
        (aes.clone(), 17),
        (listing(&[20], aes.clone()), 20),
        (without(GssFlags::MUTUAL, listing(&[20], aes)), 17),
        (without(GssFlags::MUTUAL, rc4), 23),
    ] {
        assert_eq!(answer_to(&server, &token).into_context().etype().0, etype);
        both_ways(&server, &token);
    }
}

#[test]
fn context_has_the_gss_flags_of_the_client() {
    let server = Server::new();
    let token = without(GssFlags::SEQUENCE, server.good());
    let flags = answer_to(&server, &token).into_context().flags();
    assert_eq!(flags.bits(), token.authenticator.gss.flags);
}

/// Two answers to one request with different randomness make two contexts that do not verify each other's MICs.
#[test]
fn two_answers_with_different_randomness_have_different_contexts() {
    let server = Server::new();
    let token = server.good();
    let accepted = server.check(&token.mint()).unwrap();
    let [mut first, mut second] = [1, 2].map(|number| accepted.answer(&random(number)).into_context());
    let answer = accepted.answer(&random(1));
    let mut client = TestClient::of(&token).complete(answer.token()).unwrap();
    let mic = client.get_mic(b"alice");
    assert!(second.verify_mic(b"alice", &mic).is_err());
    assert!(first.verify_mic(b"alice", &mic).is_ok());
}
