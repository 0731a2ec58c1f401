//! Tokens of other mechanisms: the error names the mechanism.

use super::*;

const NTLM_NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xE2";

fn sent(server: &Server, mechanisms: &[&[u8]], mech_token: MechToken) -> Error {
    server.refusal(|token| {
        *token = token.clone().spnego(|spnego| {
            spnego.mech_types = mechanisms.iter().map(|oid| oid.to_vec()).collect();
            spnego.mech_token = mech_token;
        });
    })
}

#[test]
fn ntlm_token_is_reported_with_its_message_type() {
    let server = Server::new();
    for (kind, message) in [
        (1, NtlmMessage::Negotiate),
        (2, NtlmMessage::Challenge),
        (3, NtlmMessage::Authenticate),
        (4, NtlmMessage::Unknown),
    ] {
        let bytes = [b"NTLMSSP\0", &[kind, 0, 0, 0][..]].concat();
        let error = server.check(&bytes).unwrap_err();
        assert_eq!(error, Error::Ntlm { message, offer: KerberosOffer::NotOffered });
    }
    assert_eq!(
        server.check(b"NTLMSSP\0").unwrap_err(),
        Error::Ntlm { message: NtlmMessage::Unknown, offer: KerberosOffer::NotOffered }
    );
}

#[test]
fn ntlm_error_says_whether_the_client_offered_kerberos_too() {
    let server = Server::new();
    let raw = || MechToken::Raw(NTLM_NEGOTIATE.into());
    let message = NtlmMessage::Negotiate;
    assert_eq!(sent(&server, &[mech::NTLM], raw()), Error::Ntlm { message, offer: KerberosOffer::NotOffered });
    assert_eq!(
        sent(&server, &[mech::NTLM, mech::KRB5], raw()),
        Error::Ntlm { message, offer: KerberosOffer::AlsoOffered }
    );
    assert_eq!(
        sent(&server, &[mech::NTLM], MechToken::Absent),
        Error::Ntlm { message: NtlmMessage::Offered, offer: KerberosOffer::NotOffered }
    );
}

#[test]
fn negoex_token_or_offer_is_reported_as_negoex() {
    let server = Server::new();
    let raw = || MechToken::Raw(b"NEGOEXTS\0\0\0\0".into());
    assert_eq!(
        sent(&server, &[mech::NEGOEX, mech::MS_KRB5], raw()),
        Error::NegoEx { offer: KerberosOffer::AlsoOffered }
    );
    let not_offered = Error::NegoEx { offer: KerberosOffer::NotOffered };
    assert_eq!(sent(&server, &[mech::NEGOEX, mech::NTLM], raw()), not_offered);
    assert_eq!(sent(&server, &[mech::NEGOEX], MechToken::Absent), not_offered);
    assert_eq!(server.check(b"NEGOEXTS").unwrap_err(), not_offered);
}

#[test]
fn iakerb_token_or_offer_is_reported_as_iakerb() {
    let server = Server::new();
    assert_eq!(server.refusal(|token| token.framing = TokenFraming::Krb5(mech::IAKERB.into())), Error::Iakerb);
    assert_eq!(sent(&server, &[mech::IAKERB], MechToken::Absent), Error::Iakerb);
    let inside = MechToken::Krb5(mech::IAKERB.into());
    assert_eq!(sent(&server, &[mech::IAKERB, mech::KRB5], inside), Error::Iakerb);
}

#[test]
fn user_to_user_token_or_offer_is_reported_as_user_to_user() {
    let server = Server::new();
    let framing = TokenFraming::Krb5(mech::USER_TO_USER.into());
    assert_eq!(server.refusal(|token| token.framing = framing), Error::UserToUser);
    assert_eq!(server.refusal(|token| token.ap_options |= 1 << 30), Error::UserToUser);
    assert_eq!(sent(&server, &[mech::USER_TO_USER], MechToken::Absent), Error::UserToUser);
}

#[test]
fn error_counts_the_mechanisms_of_an_offer_without_kerberos() {
    let server = Server::new();
    let unknown: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A];
    let error = sent(&server, &[unknown, unknown, mech::SPNEGO], MechToken::Absent);
    assert_eq!(error, Error::NoKerberos { mechanisms: 3 });
    assert_eq!(
        server.refusal(|token| token.framing = TokenFraming::Krb5(unknown.into())),
        Error::NoKerberos { mechanisms: 1 }
    );
}
