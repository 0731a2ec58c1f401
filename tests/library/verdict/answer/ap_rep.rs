//! The AP-REP: its fields, its key, and the proof that it gives to the client.

use super::*;

#[test]
fn ap_rep_has_the_clients_time_and_a_subkey_and_a_sequence_number() {
    let server = Server::new();
    for etype in &BY_STRENGTH[1..] {
        let token = server.good().session_etype(*etype).sent_at(NOW.with_micros(123_456).unwrap());
        let expected = ApRepParts {
            pvno: 5,
            msg_type: 15,
            ctime: NOW.into(),
            cusec: 123_456,
            subkey: Some(random_key(*etype)),
            seq_number: Some(our_sequence_number(1)),
            etype: etype.0.into(),
            kvno: None,
            usage: KeyUsage::AP_REP_ENC_PART,
        };
        assert_eq!(ap_rep_to(&server, &token), expected);
    }
}

/// The AP-REP repeats the client's time to the microsecond, even when the clocks differ.
#[test]
fn ap_rep_has_the_time_of_the_authenticator() {
    let server = Server::new();
    for (seconds, micros) in [(0, 0), (-300, 999_999), (300, 1)] {
        let time = NOW.saturating_add_seconds(seconds);
        let token = server.good().sent_at(time.with_micros(micros).unwrap());
        let ap_rep = ap_rep_to(&server, &token);
        assert_eq!((ap_rep.ctime, ap_rep.cusec), (time.into(), i64::from(micros)));
    }
}

/// The form of the message does not show which key encrypts it, so the test tries to decrypt the message with each
/// key.
#[test]
fn ap_rep_is_encrypted_under_the_session_key_and_not_under_the_subkey() {
    let server = Server::new();
    let token = server.good();
    let client = TestClient::of(&token);
    let reply = NegTokenRespParts::decode(answer_to(&server, &token).token().unwrap()).unwrap();
    let ap_rep = Krb5Message::decode(&reply.response_token.unwrap()).message;
    assert_ne!(client.subkey, Some(client.session_key.clone()));
    assert_eq!(ApRepParts::decode(&ap_rep, &client.subkey.unwrap()), None);
    assert!(ApRepParts::decode(&ap_rep, &client.session_key).is_some());
}

#[test]
fn ap_rep_has_a_sequence_number_below_2_to_the_30th() {
    let server = Server::new();
    for (octet, number) in [(0x00, 0), (0xFF, (1 << 30) - 1), (0x80, 0x2020_2020)] {
        let token = server.good();
        let answer = server.check(&token.mint()).unwrap().answer(&Randomness::new([octet; 64]));
        let ap_rep = TestClient::of(&token).ap_rep(answer.token().unwrap()).unwrap().unwrap();
        assert_eq!(ap_rep.seq_number, Some(number));
    }
}

#[test]
fn answer_contains_no_unencrypted_octets_of_the_randomness() {
    let server = Server::new();
    let answer = answer_to(&server, &server.good());
    let token = answer.token().unwrap();
    for octets in random_octets(1).windows(4) {
        assert!(!token.windows(4).any(|window| window == octets));
    }
}

#[test]
fn client_refuses_the_ap_rep_for_another_request() {
    let server = Server::new();
    let (token, other) = (server.good(), server.good());
    let answer = answer_to(&server, &other);
    assert_eq!(TestClient::of(&token).complete(answer.token()).unwrap_err(), Unproven::NotOpened);
    let mut later = other.clone();
    later.authenticator.cusec = 1;
    assert_eq!(TestClient::of(&later).complete(answer.token()).unwrap_err(), Unproven::OtherTime);
}
