//! Tokens that are no end of this conversation.

use super::*;

#[test]
fn dce_style_ends_with_an_ap_rep() {
    let host = Host::new();
    let mut begun = Begun::dce_with_mic(&host);
    let only_mic = final_token(begun.good_mic()).mint();
    assert_eq!(begun.refuses(&host, &only_mic), LAST_TOKEN);
    assert_eq!(begun.refuses(&host, &NegTokenRespParts::default().mint()), LAST_TOKEN);
}

#[test]
fn only_dce_style_ends_with_an_ap_rep() {
    let host = Host::new();
    let mut begun = Begun::mic(&host);
    let response_token = Some(begun.minted(&begun.client_ap_rep()));
    let last = NegTokenRespParts { response_token, ..final_token(begun.good_mic()) };
    assert_eq!(begun.refuses(&host, &last.mint()), LAST_TOKEN);
    begun.ends(&host, &NegTokenRespParts { response_token: None, ..last }.mint());
}

#[test]
fn negotiation_does_not_begin_or_end_halfway() {
    let host = Host::new();
    let at = |what, problem| common::malformed(what, 0, problem);
    // An AP-REP alone in a negotiation, and the reverse.
    let begun = Begun::dce_with_mic(&host);
    let ap_rep = begun.minted(&begun.client_ap_rep());
    assert_eq!(begun.refuses(&host, &ap_rep), at("token", Problem::OutOfPlace));
    let begun = Begun::dce(&host);
    let last = NegTokenRespParts {
        response_token: Some(begun.minted(&begun.client_ap_rep())),
        ..NegTokenRespParts::default()
    };
    assert_eq!(begun.refuses(&host, &last.mint()), at("NegTokenResp", Problem::OutOfPlace));
    // Where a request is waited for.
    let asked = host.continues(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
    assert_eq!(host.refuses(&ap_rep, Some(&asked.state)), at("token", Problem::OutOfPlace));
}

#[test]
fn without_a_state_nothing_continues() {
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
fn who_was_asked_for_kerberos_sends_it() {
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

/// What refuses a first token refuses a second one, too.
#[test]
fn the_request_that_was_asked_for_is_checked_as_any() {
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

/// RFC 4178 section 4.2.2 ends the definition in an extension marker.
#[test]
fn fields_that_an_extension_adds_are_ignored() {
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
