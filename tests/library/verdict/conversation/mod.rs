//! Tests of SPNEGO with several tokens (RFC 4178 section 5), and of the three tokens of DCE style (MS-KILE section
//! 3.4.5.1). Another node of the server reads every later token, with the state that the first node kept.

mod asked;
use crate::common;
mod dce;
mod overruled;
mod persuaded;
mod unasked;

use common::dialogue::{
    Host, Kept, assert_shared, dce_style, final_token, krb5_token, our_sequence_number, prefers_ntlm, without,
};
use kerberos_sso::crypto::EncType;
use kerberos_sso::limits::MAX_KEPT_MECH_TYPES;
use kerberos_sso::testing::{
    ApRepParts, Krb5Message, MechToken, NegTokenRespParts, SpnegoParts, TestClient, TestToken, TokenFraming, mech,
};
use kerberos_sso::{
    Error, Policy, SecurityContext,
    error::{KerberosOffer, NtlmMessage},
    policy::AcceptorSubkeyPolicy,
    ticket::{Framing, GssFlags},
};

const AES: [EncType; 4] = [
    EncType::AES128_CTS_HMAC_SHA1_96,
    EncType::AES256_CTS_HMAC_SHA1_96,
    EncType::AES128_CTS_HMAC_SHA256_128,
    EncType::AES256_CTS_HMAC_SHA384_192,
];

/// Returns the token with and without the flag for mutual authentication.
fn mutual_and_not(token: &TestToken) -> [TestToken; 2] {
    [token.clone(), without(GssFlags::MUTUAL, token.clone())]
}

/// Returns the client's second token, with the Kerberos token that the server asked for.
fn second_token(token: &TestToken) -> NegTokenRespParts {
    NegTokenRespParts { response_token: Some(krb5_token(token)), ..NegTokenRespParts::default() }
}

/// Returns the client and its context after a reply. The client verifies the reply's MIC if the reply has one.
fn client_after(token: &TestToken, reply: &[u8]) -> (TestClient, SecurityContext) {
    let client = TestClient::of(token);
    let mut context = client.complete(Some(reply)).unwrap();
    if let Some(mic) = NegTokenRespParts::decode(reply).unwrap().mech_list_mic {
        context.verify_mic(&client.mech_types, &mic).unwrap();
    }
    (client, context)
}

/// Asserts that a client that expects no AP-REP can send its MIC together with its Kerberos token, and that the server
/// answers with its own MIC.
fn assert_confirmed_at_once(host: &Host, token: &TestToken) {
    let asked = host.continues(&token.mint(), None);
    let (client, mut context) = client_after(token, &asked.token);
    let mic = context.get_mic(&client.mech_types);
    let second = NegTokenRespParts { mech_list_mic: Some(mic), ..second_token(token) };
    let (_, answer) = host.ends(&second.mint(), Some(&asked.state));
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(shape_of(&reply), (COMPLETED, None, false, true));
    context.verify_mic(&client.mech_types, &reply.mech_list_mic.unwrap()).unwrap();
    assert_shared(&mut context, &mut answer.into_context());
}

/// Returns the state and the mechanism of a reply, and whether the reply has a responseToken and a mechListMIC.
fn shape_of(reply: &NegTokenRespParts) -> (Option<u8>, Option<&[u8]>, bool, bool) {
    let tokens = (reply.response_token.is_some(), reply.mech_list_mic.is_some());
    (reply.neg_state, reply.supported_mech.as_deref(), tokens.0, tokens.1)
}

const COMPLETED: Option<u8> = Some(NegTokenRespParts::ACCEPT_COMPLETED);
const INCOMPLETE: Option<u8> = Some(NegTokenRespParts::ACCEPT_INCOMPLETE);
const REQUEST_MIC: Option<u8> = Some(NegTokenRespParts::REQUEST_MIC);

/// The client may restart the negotiation, so the server ignores the kept state for a first token.
#[test]
fn first_token_restarts_the_negotiation_when_a_state_was_kept() {
    let host = Host::new();
    let kept = host.continues(&prefers_ntlm(host.good()).mint(), None);
    let asked = host.continues(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
    for state in [&kept.state, &asked.state] {
        for framing in [TokenFraming::Spnego(SpnegoParts::default()), TokenFraming::ApReq] {
            host.assert_ends(&host.good().framed(framing).mint(), Some(state));
        }
        let again = host.continues(&prefers_ntlm(host.good()).mint(), Some(state));
        assert_ne!(again.state, *state);
    }
}
