//! The client's AP-REP in DCE style.

use super::*;

fn refusal_of(change: impl FnOnce(&mut ApRepParts)) -> Error {
    let host = Host::new();
    let mut begun = Begun::dce(&host);
    let mut client_ap_rep = begun.client_ap_rep();
    change(&mut client_ap_rep);
    let error = begun.refuses(&host, &begun.minted(&client_ap_rep));
    let last = begun.good_end();
    begun.ends(&host, &last);
    error
}

#[test]
fn client_ap_rep_without_the_sequence_number_of_the_server_is_refused() {
    for change in [1, -1, 1 << 20] {
        let error = refusal_of(|ap_rep| ap_rep.seq_number = ap_rep.seq_number.map(|number| number + change));
        assert_eq!(error, WRONG_AP_REP);
    }
    assert_eq!(refusal_of(|ap_rep| ap_rep.seq_number = Some(0)), WRONG_AP_REP);
    assert_eq!(refusal_of(|ap_rep| ap_rep.seq_number = None), WRONG_AP_REP);
    assert_eq!(refusal_of(|ap_rep| *ap_rep.seq_number.as_mut().unwrap() |= 1 << 31), WRONG_AP_REP);
    assert_malformed(&refusal_of(|ap_rep| *ap_rep.seq_number.as_mut().unwrap() += 1 << 32), "33 bits");
}

#[test]
fn ap_rep_of_the_server_that_the_client_sends_back_is_refused() {
    let host = Host::new();
    for policy in [AcceptorSubkeyPolicy::Always, AcceptorSubkeyPolicy::Never] {
        let host = Host::with_policy(crate::common::all_etypes().with_acceptor_subkey(policy));
        for etype in EncType::SUPPORTED {
            let token = dce_style(host.good().session_etype(etype).framed(TokenFraming::ApReq));
            let begun = Begun::of(&host, token);
            assert_eq!(begun.refuses(&host, &begun.kept.token), WRONG_AP_REP);
        }
    }
    let begun = Begun::dce_with_mic(&host);
    let reflected =
        NegTokenRespParts { response_token: begun.kept.reply().response_token, ..NegTokenRespParts::default() };
    assert_eq!(begun.refuses(&host, &reflected.mint()), WRONG_AP_REP);
}

#[test]
fn client_ap_rep_with_a_subkey_is_refused() {
    let subkey = KeyParts { keytype: 18, keyvalue: vec![7; 32] };
    assert_eq!(refusal_of(|ap_rep| ap_rep.subkey = Some(subkey)), WRONG_AP_REP);
}

#[test]
fn client_ap_rep_under_another_key_than_the_session_key_is_refused() {
    let host = Host::new();
    let mut begun = Begun::dce(&host);
    let client_ap_rep = begun.client_ap_rep();
    let ours = begun.ap_rep().subkey.unwrap().key().unwrap();
    let made_up = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[7; 32]).unwrap();
    for key in [ours, begun.client.subkey.clone().unwrap(), made_up, host.realm.key(aes256())] {
        assert_eq!(begun.refuses(&host, &client_ap_rep.mint(&key, &[3; 16])), WRONG_AP_REP);
    }
    let last = begun.good_end();
    begun.ends(&host, &last);
}

fn aes256() -> EncType {
    EncType::AES256_CTS_HMAC_SHA1_96
}

#[test]
fn client_ap_rep_for_another_key_usage_is_refused() {
    for usage in [KeyUsage::TICKET, KeyUsage::AP_REQ_AUTHENTICATOR, KeyUsage::KRB_PRIV] {
        assert_eq!(refusal_of(|ap_rep| ap_rep.usage = usage), WRONG_AP_REP);
    }
}

#[test]
fn client_ap_rep_is_refused_if_its_etype_is_not_the_etype_of_the_key() {
    for etype in [17, 19, 20, 23, 0, -1] {
        assert_eq!(refusal_of(|ap_rep| ap_rep.etype = etype), WRONG_AP_REP);
    }
    assert_malformed(&refusal_of(|ap_rep| ap_rep.etype += 1 << 32), "34 bits");
}

#[test]
fn client_ap_rep_with_a_wrong_field_is_malformed() {
    assert_malformed(&refusal_of(|ap_rep| ap_rep.pvno = 4), "pvno");
    assert_malformed(&refusal_of(|ap_rep| ap_rep.msg_type = 14), "msg-type");
    assert_malformed(&refusal_of(|ap_rep| ap_rep.cusec = 1_000_000), "cusec");
    assert_malformed(&refusal_of(|ap_rep| ap_rep.cusec = -1), "cusec");
    assert_malformed(&refusal_of(|ap_rep| ap_rep.ctime = "2026".into()), "ctime");
}

#[test]
fn client_ap_rep_that_is_changed_or_cut_or_extended_is_refused() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in EncType::SUPPORTED {
        let token = dce_style(host.good().session_etype(etype).framed(TokenFraming::ApReq));
        let mut begun = Begun::of(&host, token);
        let last = begun.good_end();
        for length in 0..last.len() {
            assert_malformed(&begun.refuses(&host, &last[..length]), "cut short");
        }
        assert_malformed(&begun.refuses(&host, &[&last[..], &[0]].concat()), "a trailing octet");
        for bit in 0..8 * last.len() {
            let mut flipped = last.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            begun.refuses(&host, &flipped);
        }
        begun.ends(&host, &last);
    }
}

/// The client sends the AP-REP of its first negotiation in a second negotiation with the same ticket.
#[test]
fn client_ap_rep_of_another_negotiation_is_refused() {
    let host = Host::new();
    let first = Begun::dce(&host);
    let again = first.token.clone().sent_at(UnixTime::from_seconds(host.now.seconds() + 1));
    let step = host.nodes[0].converse(&again.mint(), None, &random(9), host.now);
    let Ok(Step::Continue(next)) = step else { panic!("the negotiation continues") };
    let of_first = first.minted(&first.client_ap_rep());
    assert_eq!(host.refuses(&of_first, Some(&next.into_negotiation().to_bytes())), WRONG_AP_REP);
    first.ends(&host, &of_first);
}
