//! Tests of tokens that arrive when the negotiation expects another token.

use super::*;

#[test]
fn final_token_without_an_ap_rep_is_refused_in_dce_style() {
    let host = Host::new();
    let mut begun = Begun::dce_with_mic(&host);
    let only_mic = final_token(begun.good_mic()).mint();
    assert_eq!(begun.refuses(&host, &only_mic), LAST_TOKEN);
    assert_eq!(begun.refuses(&host, &NegTokenRespParts::default().mint()), LAST_TOKEN);
}

#[test]
fn final_token_with_an_ap_rep_is_refused_without_dce_style() {
    let host = Host::new();
    let mut begun = Begun::mic(&host);
    let response_token = Some(begun.minted(&begun.client_ap_rep()));
    let last = NegTokenRespParts { response_token, ..final_token(begun.good_mic()) };
    assert_eq!(begun.refuses(&host, &last.mint()), LAST_TOKEN);
    begun.ends(&host, &NegTokenRespParts { response_token: None, ..last }.mint());
}

#[test]
fn final_token_in_another_framing_than_the_first_token_is_out_of_place() {
    let host = Host::new();
    let at = |what, problem| common::malformed(what, 0, problem);
    // A bare AP-REP follows a first token of SPNEGO, and a NegTokenResp follows a bare AP-REQ.
    let begun = Begun::dce_with_mic(&host);
    let ap_rep = begun.minted(&begun.client_ap_rep());
    assert_eq!(begun.refuses(&host, &ap_rep), at("token", Problem::OutOfPlace));
    let begun = Begun::dce(&host);
    let last = NegTokenRespParts {
        response_token: Some(begun.minted(&begun.client_ap_rep())),
        ..NegTokenRespParts::default()
    };
    assert_eq!(begun.refuses(&host, &last.mint()), at("NegTokenResp", Problem::OutOfPlace));
    // The client sends an AP-REP, but the negotiation waits for an AP-REQ.
    let asked = host.continues(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
    assert_eq!(host.refuses(&ap_rep, Some(&asked.state)), at("token", Problem::OutOfPlace));
}

#[test]
fn second_token_without_the_kept_state_is_malformed() {
    let host = Host::new();
    for mut begun in every_kind(&host) {
        let last = begun.good_end();
        assert_malformed(&host.refuses(&last, None), "a final token without its state");
    }
    let token = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
    host.continues(&token.mint(), None);
    let second = NegTokenRespParts { response_token: Some(krb5_token(&token)), ..NegTokenRespParts::default() };
    assert_malformed(&host.refuses(&second.mint(), None), "a second token without its state");
}

#[test]
fn second_token_without_the_kerberos_token_that_was_asked_for_is_refused() {
    let host = Host::new();
    let token = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
    let asked = host.continues(&token.mint(), None);
    let second = |response_token: Option<&[u8]>| {
        let response_token = response_token.map(Vec::from);
        host.refuses(&NegTokenRespParts { response_token, ..NegTokenRespParts::default() }.mint(), Some(&asked.state))
    };
    assert_eq!(second(None), Error::NoToken);
    assert_eq!(second(Some(b"NTLMSSP\0\x03\0\0\0")).code(), "ntlm");
    assert_eq!(second(Some(b"NEGOEXTS")).code(), "negoex");
    assert_eq!(second(Some(&token.clone().framed(TokenFraming::Krb5(mech::IAKERB.into())).mint())).code(), "iakerb");
    for other in [&b""[..], b"whatever", &token.mint(), &NegTokenRespParts::default().mint()] {
        assert_malformed(&second(Some(other)), "no Kerberos token");
    }
}

/// The checks of a first token also apply to a second token.
#[test]
fn request_in_a_second_token_is_refused_with_the_same_errors_as_in_a_first_token() {
    let host = Host::with_policy(common::refusals::policy());
    let node = &host.nodes[1];
    for (code, change) in &common::refusals::IN_ORDER[1..] {
        let mut token = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
        let asked = host.continues(&token.mint(), None);
        change(&mut token);
        let second = NegTokenRespParts { response_token: Some(krb5_token(&token)), ..NegTokenRespParts::default() };
        let negotiation = Negotiation::from_bytes(&asked.state).unwrap();
        let step = node.converse(&second.mint(), Some(&negotiation), &random(2), host.now);
        assert_eq!(step.unwrap_err().code(), *code);
    }
}

/// The definition of NegTokenResp ends in an extension marker (RFC 4178 section 4.2.2).
#[test]
fn extension_fields_of_neg_token_resp_are_ignored() {
    let host = Host::new();
    for (tag, accepted) in [(0xA4, true), (0xBE, true), (0xA2, false), (0x84, false), (0x30, false)] {
        let mut begun = Begun::mic(&host);
        let mut last = Tlv::parse(&begun.good_end());
        last.at(&[0]).children().push(Tlv::of(tag, vec![Tlv::bytes(0x04, [1])]));
        if accepted {
            begun.ends(&host, &last.encode());
        } else {
            assert_malformed(&begun.refuses(&host, &last.encode()), &format!("{tag:02X}"));
        }
    }
}
