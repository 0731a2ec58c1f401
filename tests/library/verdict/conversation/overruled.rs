//! Tests of a client that prefers another mechanism and sends a Kerberos token with its offer.

use super::*;

#[cfg(feature = "rc4")]
#[test]
fn client_that_prefers_ntlm_and_sends_a_kerberos_token_is_accepted_after_its_mic() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        for token in mutual_and_not(&prefers_ntlm(host.good()).session_etype(etype)) {
            let first = host.continues(&token.mint(), None);
            let mutual = token.authenticator.gss.flags & GssFlags::MUTUAL.bits() != 0;
            assert_eq!(shape_of(&first.reply()), (REQUEST_MIC, Some(mech::MS_KRB5), mutual, true));

            let (client, mut context) = client_after(&token, &first.token);
            let last = final_token(context.get_mic(&client.mech_types));
            let (accepted, answer) = host.ends(&last.mint(), Some(&first.state));
            assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
            assert_eq!(answer.token(), None);
            assert_shared(&mut context, &mut answer.into_context());
        }
    }
}

#[test]
fn client_that_prefers_ntlm_is_accepted_without_an_acceptor_subkey() {
    let host = Host::with_policy(Policy::default().with_acceptor_subkey(AcceptorSubkeyPolicy::Never));
    let token = prefers_ntlm(host.good());
    let first = host.continues(&token.mint(), None);
    let (client, mut context) = client_after(&token, &first.token);
    let last = final_token(context.get_mic(&client.mech_types));
    let (_, answer) = host.ends(&last.mint(), Some(&first.state));
    assert_shared(&mut context, &mut answer.into_context());
}

#[test]
fn client_that_prefers_ntlm_needs_no_mic_when_its_token_lacks_the_integrity_flag() {
    let host = Host::new();
    let token = without(GssFlags::INTEGRITY, prefers_ntlm(host.good()));
    let (_, answer) = host.ends(&token.mint(), None);
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(shape_of(&reply), (COMPLETED, Some(mech::MS_KRB5), true, false));
}

/// A server without stored states ends the negotiation after one token, even when the client expects another round
/// trip.
#[test]
fn server_of_one_round_trip_completes_the_negotiation_with_its_first_reply() {
    let host = Host::new();
    let token = prefers_ntlm(host.good());
    let accepted = host.nodes[0].validate_ticket(&token.mint(), host.now).unwrap();
    let answer = accepted.answer(&common::dialogue::random(1));
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(shape_of(&reply), (COMPLETED, Some(mech::MS_KRB5), true, false));
}
