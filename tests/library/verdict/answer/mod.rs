//! Tests of the answer to an accepted client: the AP-REP, its framing, and the security context of both sides. The
//! client of `kerberos_sso::testing` reads the answers with `rasn`.

mod ap_rep;
mod context;
mod framing;
mod subkey;

use crate::common;

use common::dialogue::{assert_shared, dce_style, our_sequence_number, random, random_octets, without};
use common::{NOW, Server, all_etypes};
use kerberos_sso::crypto::{EncType, KeyUsage};
use kerberos_sso::testing::{
    ApRepParts, ChecksumParts, KeyParts, Krb5Message, MechToken, NegTokenRespParts, SpnegoParts, TestClient, TestToken,
    TokenFraming, Unproven, if_relevant, mech,
};
use kerberos_sso::{
    Answer, Policy, Randomness, UnixTime, negotiate::Step, policy::AcceptorSubkeyPolicy, ticket::GssFlags,
};

/// The encryption types in order of strength, the weakest type first.
const BY_STRENGTH: [EncType; 5] = [
    EncType::RC4_HMAC,
    EncType::AES128_CTS_HMAC_SHA1_96,
    EncType::AES128_CTS_HMAC_SHA256_128,
    EncType::AES256_CTS_HMAC_SHA1_96,
    EncType::AES256_CTS_HMAC_SHA384_192,
];

fn answer_to(server: &Server, token: &TestToken) -> Answer {
    server.check(&token.mint()).expect("the token is accepted").answer(&random(1))
}

/// Returns the AP-REP that answers the token. The test client has verified the AP-REP, which proves the server's
/// identity.
fn ap_rep_to(server: &Server, token: &TestToken) -> ApRepParts {
    let answer = answer_to(server, token);
    TestClient::of(token).ap_rep(answer.token().expect("there is an answer")).unwrap().expect("there is an AP-REP")
}

fn random_key(etype: EncType) -> KeyParts {
    KeyParts { keytype: etype.0, keyvalue: random_octets(1)[16..][..etype.key_len().unwrap()].to_vec() }
}

fn lenient() -> Server {
    Server::with_policy(all_etypes())
}

fn with_subkey(etype: EncType, mut token: TestToken) -> TestToken {
    let keyvalue = vec![0xA5; etype.key_len().unwrap()];
    token.authenticator.subkey = Some(KeyParts { keytype: etype.0, keyvalue });
    token
}

/// Adds a list of encryption types in an AD-IF-RELEVANT, as RFC 4537 section 3 requires.
fn listing(etypes: &[i32], mut token: TestToken) -> TestToken {
    token.authenticator.authorization_data.push(if_relevant(&[(129, etype_list(etypes))]));
    token
}

fn etype_list(etypes: &[i32]) -> Vec<u8> {
    rasn::der::encode(&etypes.to_vec()).unwrap()
}

/// If a negotiation ends with its first step, this step has the token of the answer.
#[test]
fn step_that_accepts_has_the_same_token_as_the_answer() {
    let server = Server::new();
    let time: UnixTime = NOW;
    for token in [server.good(), server.good().framed(TokenFraming::ApReq), without(GssFlags::MUTUAL, server.good())] {
        let step = server.validator.converse(&token.mint(), None, &random(1), time).unwrap();
        let Step::Accepted(accepted, answer) = step else { panic!("the negotiation has ended") };
        assert_eq!(answer.token(), accepted.answer(&random(1)).token());
        assert_eq!(answer.token(), answer_to(&server, &token).token());
    }
}
