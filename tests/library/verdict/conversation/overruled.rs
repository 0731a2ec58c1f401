//! A client that sends a Kerberos token although it would rather use another mechanism.

use super::*;

#[cfg(feature = "rc4")]
#[test]
fn it_confirms_what_it_offered() {
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
fn without_a_subkey_of_ours_too() {
    let host = Host::with_policy(Policy::default().with_acceptor_subkey(AcceptorSubkeyPolicy::Never));
    let token = prefers_ntlm(host.good());
    let first = host.continues(&token.mint(), None);
    let (client, mut context) = client_after(&token, &first.token);
    let last = final_token(context.get_mic(&client.mech_types));
    let (_, answer) = host.ends(&last.mint(), Some(&first.state));
    assert_shared(&mut context, &mut answer.into_context());
}

#[test]
fn without_integrity_it_confirms_nothing() {
    let host = Host::new();
    let token = without(GssFlags::INTEGRITY, prefers_ntlm(host.good()));
    let (_, answer) = host.ends(&token.mint(), None);
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(shape_of(&reply), (COMPLETED, Some(mech::MS_KRB5), true, false));
}

/// A server that keeps nothing ends the negotiation after one token, whatever the client expects.
#[test]
fn a_server_of_one_token_completes_at_once() {
    let host = Host::new();
    let token = prefers_ntlm(host.good());
    let accepted = host.nodes[0].validate_ticket(&token.mint(), host.now).unwrap();
    let answer = accepted.answer(&common::dialogue::random(1));
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(shape_of(&reply), (COMPLETED, Some(mech::MS_KRB5), true, false));
}
