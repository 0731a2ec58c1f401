//! Tests of accepted requests. The server reports the facts from the KDC, from the client, and from the unencrypted
//! fields of the ticket.

use crate::common;

use crate::records::for_each;
use common::{NOW, Server, all_etypes};
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::replay::Admission;
use kerberos_sso::testing::{
    ChecksumParts, KeyParts, MechToken, NameParts, NegHints, SpnegoParts, TestRealm, TestToken, TokenFraming,
    if_relevant, mech,
};
use kerberos_sso::{
    Accepted, ChannelBindings, Policy, UnixTime,
    ticket::{BindingState, Framing, GssFlags, NameType, TicketFlags},
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn server_of_all_types() -> Server {
    Server::with_policy(all_etypes())
}

mod shapes {
    use super::*;

    fn spnego(change: impl FnOnce(&mut SpnegoParts)) -> TokenFraming {
        let mut parts = SpnegoParts::default();
        change(&mut parts);
        TokenFraming::Spnego(parts)
    }

    #[test]
    fn ap_req_is_accepted_in_every_framing() {
        let server = Server::new();
        let mechanisms = |list: &[&[u8]]| list.iter().map(|oid| oid.to_vec()).collect::<Vec<_>>();
        for (framing, expected) in [
            (TokenFraming::ApReq, Framing::ApReq),
            (TokenFraming::Krb5(mech::KRB5.into()), Framing::Krb5),
            (TokenFraming::Krb5(mech::MS_KRB5.into()), Framing::Krb5),
            (spnego(|_| ()), Framing::Spnego),
            (spnego(|parts| parts.mech_token = MechToken::Krb5(mech::MS_KRB5.into())), Framing::Spnego),
            (spnego(|parts| parts.mech_token = MechToken::ApReq), Framing::Spnego),
            (spnego(|parts| parts.mech_types = mechanisms(&[mech::KRB5])), Framing::Spnego),
            (spnego(|parts| parts.mech_types = mechanisms(&[mech::MS_KRB5])), Framing::Spnego),
            // Kerberos is not the first mechanism in the lists of macOS and of Windows with NegoEx.
            (spnego(|parts| parts.mech_types = mechanisms(&[mech::NEGOEX, mech::NTLM, mech::KRB5])), Framing::Spnego),
            (spnego(|parts| parts.mech_types = mechanisms(&[mech::KRB5, mech::KRB5])), Framing::Spnego),
            (spnego(|parts| parts.req_flags = Some(0x0600_0000)), Framing::Spnego),
            (spnego(|parts| parts.neg_hints = NegHints::NotDefined), Framing::Spnego),
        ] {
            let accepted = server.accepts(|token| token.framing = framing.clone());
            assert_eq!(accepted.framing(), expected, "{framing:?}");
            assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
        }
    }

    #[test]
    fn token_is_accepted_from_a_header_with_any_letter_case_and_spacing_of_negotiate() {
        let server = Server::new();
        for write in [
            |header: String| header,
            |header: String| header.replacen("Negotiate ", "negotiate ", 1),
            |header: String| header.replacen("Negotiate ", "NEGOTIATE  \t ", 1),
            |header: String| format!(" {header}\t"),
        ] {
            let value = write(server.good().header());
            assert!(server.validator.validate_header(value.as_bytes(), NOW).is_ok(), "{value}");
        }
    }

    #[test]
    fn stages_called_one_by_one_give_the_same_identity_as_validate_ticket() {
        let server = Server::new();
        let bytes = server.good().mint();
        let whole = server.check(&bytes).unwrap();
        let request = server.validator.read(&bytes).unwrap();
        let query = request.key_query();
        assert_eq!((query.realm(), query.etype, query.kvno), ("CONTOSO.TEST", EncType(18), Some(1)));
        assert_eq!(query.service.to_string(), "HTTP/www.contoso.test");
        let opened = server.validator.open_with(request, &server.realm.key_set(), NOW).unwrap();
        assert_eq!(opened.ticket().client().to_string(), "alice");
        let verified = server.validator.verify(opened, NOW).unwrap();
        let authorized = server.validator.authorize(verified).unwrap();
        let staged = authorized.admit(Admission::New).unwrap();
        assert_eq!(staged.identity().to_owned(), whole.identity().to_owned());
        assert_eq!(staged.authenticator().time(), whole.authenticator().time());
    }
}

mod encryption_types {
    use super::*;

    #[test]
    fn ticket_and_session_key_may_have_any_two_supported_types() {
        let server = server_of_all_types();
        for ticket in EncType::SUPPORTED {
            for session in EncType::SUPPORTED {
                let accepted = server.accepts(|token| *token = token.clone().etype(ticket).session_etype(session));
                assert_eq!(accepted.opened_by().etype(), ticket);
                assert_eq!(accepted.session_etype(), session);
                assert_eq!(accepted.authenticator().subkey_etype(), Some(session));
            }
        }
    }

    #[test]
    fn default_policy_accepts_all_types_of_aes() {
        let server = Server::new();
        for number in 17..=20 {
            let etype = EncType(number);
            server.assert_accepts(|token| *token = token.clone().etype(etype).session_etype(etype));
        }
    }

    #[test]
    fn subkey_of_another_type_or_no_subkey_is_accepted() {
        let server = Server::new();
        for subkey in [EncType::AES128_CTS_HMAC_SHA1_96, EncType::AES256_CTS_HMAC_SHA384_192] {
            let key = (&server.realm.key(subkey)).into();
            let accepted = server.accepts(|token| token.authenticator.subkey = Some(key));
            assert_eq!(accepted.authenticator().subkey_etype(), Some(subkey));
        }
        let accepted = server.accepts(|token| token.authenticator.subkey = None);
        assert_eq!(accepted.authenticator().subkey_etype(), None);
    }
}

mod facts {
    use super::*;

    #[test]
    fn accepted_request_reports_the_encrypted_fields_of_the_ticket() {
        let server = Server::new();
        let flags = TicketFlags::FORWARDED.bits() | TicketFlags::TRANSITED_POLICY_CHECKED.bits() | 1;
        let accepted = server.accepts(|token| {
            token.ticket.flags = flags;
            token.ticket.transited = (1, b"MIDDLE.TEST".to_vec());
            token.ticket.authtime = "20261121010203Z".into();
            token.ticket.starttime = Some("20261121020304Z".into());
            token.ticket.endtime = "20261121110203Z".into();
            token.ticket.renew_till = Some("20261128010203Z".into());
            token.ticket.caddr = Some(vec![(2, vec![192, 0, 2, 7]), (20, b"PC".to_vec())]);
            token.ticket.authorization_data = vec![if_relevant(&[(-1, b"opaque".to_vec())])];
        });
        let ticket = accepted.ticket();
        assert_eq!(ticket.flags().bits(), flags);
        assert_eq!(ticket.transited(), b"MIDDLE.TEST");
        assert_eq!(ticket.auth_time().to_string(), "2026-11-21T01:02:03Z");
        assert_eq!(ticket.start_time().to_string(), "2026-11-21T02:03:04Z");
        assert_eq!(ticket.starttime(), Some(ticket.start_time()));
        assert_eq!(ticket.end_time().to_string(), "2026-11-21T11:02:03Z");
        assert_eq!(ticket.renew_till().unwrap().to_string(), "2026-11-28T01:02:03Z");
        let addresses: Vec<_> = ticket.addresses().iter().map(|address| address.address.to_vec()).collect();
        assert_eq!(addresses, [vec![192, 0, 2, 7], b"PC".to_vec()]);
        let elements: Vec<_> = ticket.authorization_data().iter().map(|element| element.ad_type.0).collect();
        assert_eq!(elements, [1]);
    }

    #[test]
    fn accepted_request_reports_the_fields_of_the_authenticator() {
        let server = Server::new();
        let time = NOW.saturating_add_seconds(-7).with_micros(123_456).unwrap();
        let accepted = server.accepts(|token| {
            *token = token.clone().sent_at(time);
            token.authenticator.seq_number = Some(0x7FFF_FFFF);
            token.authenticator.gss.flags = 0xFFFF_4002;
        });
        let authenticator = accepted.authenticator();
        assert_eq!(authenticator.time(), time);
        assert_eq!(authenticator.sequence_number(), Some(0x7FFF_FFFF));
        assert_eq!(authenticator.gss_flags().unwrap().bits(), 0xFFFF_4002);
        let accepted = server.accepts(|token| token.authenticator.seq_number = None);
        assert_eq!(accepted.authenticator().sequence_number(), None);
    }

    #[test]
    fn accepted_request_reports_the_unencrypted_fields_of_the_ticket() {
        let server = Server::new();
        let accepted = server.accepts(|token| *token = token.clone().service("cifs/files.contoso.test").kvno(77));
        assert_eq!(accepted.service().to_string(), "cifs/files.contoso.test");
        assert_eq!(accepted.service_realm(), "CONTOSO.TEST");
        assert_eq!(accepted.ticket_kvno(), Some(77));
        assert_eq!(accepted.opened_by().kvno(), Some(1));
        assert_eq!(accepted.opened_by().account().name(), "AZUREADSSOACC$");
        assert_eq!(server.accepts(|token| token.ticket.kvno = None).ticket_kvno(), None);
    }

    #[test]
    fn client_with_a_gss_checksum_asks_for_mutual_authentication_by_its_gss_flags() {
        let server = Server::new();
        let without = GssFlags::INTEGRITY.bits();
        assert!(server.accepts(|token| *token = token.clone().mutual()).wants_mutual());
        // The AP options are not protected: an attacker on the network can set these options.
        let accepted = server.accepts(|token| {
            token.ap_options = 1 << 29;
            token.authenticator.gss.flags = without;
        });
        assert!(!accepted.wants_mutual());
        let bare = |options| {
            server.accepts(|token| {
                token.framing = TokenFraming::ApReq;
                token.authenticator.cksum = ChecksumParts::Absent;
                token.ap_options = options;
            })
        };
        assert!(bare(1 << 29).wants_mutual());
        assert!(!bare(0).wants_mutual());
        assert_eq!(bare(0).authenticator().gss_flags(), None);
    }

    #[test]
    fn request_with_delegated_credentials_reports_the_delegation() {
        let server = Server::new();
        assert!(server.accepts(|token| *token = token.clone().delegating(b"\x76\x00")).delegates());
        assert!(!server.accepts(|_| ()).delegates());
    }

    /// The KRB-CRED messages come from real clients. The test puts each message into a token with the client's session
    /// key and subkey. MIT's library encrypts the message under the session key, and other libraries encrypt it under
    /// the subkey.
    #[test]
    fn delegated_credentials_are_those_that_the_client_sent() {
        let server = server_of_all_types();
        let recorded = include_str!("../../../testvectors/delegation/krb_cred.txt");
        for_each(recorded, 6, |record| {
            for text in ["MadeBy", "Client", "Server", "Key"] {
                record.octets(text);
            }
            for number in ["AuthTime", "StartTime", "EndTime", "RenewTill", "Flags", "KeyEtype"] {
                record.number::<i64>(number);
            }
            let mut key = |etype, octets| (EncType(record.number(etype)), record.octets(octets));
            let (session, subkey) = (key("SessionEtype", "SessionKey"), key("SubkeyEtype", "Subkey"));
            let (krb_cred, ccache) = (record.octets("KrbCred"), record.octets("Ccache"));
            let name = record.octets("Name");
            if !session.0.is_supported() {
                return;
            }
            let parts = |(etype, octets): &(EncType, Vec<u8>)| KeyParts::from(&Key::new(*etype, octets).unwrap());
            let accepted = server.accepts(|token| {
                *token = token.clone().session_etype(session.0).delegating(&krb_cred);
                token.ticket.session_key = parts(&session);
                token.authenticator.key = Key::new(session.0, &session.1).unwrap();
                token.authenticator.subkey = Some(parts(&subkey));
            });
            let credentials = accepted.delegated_credentials().unwrap().unwrap();
            assert_eq!(credentials.to_ccache().as_bytes(), ccache, "{}", name.escape_ascii());
        });
    }

    /// If the delegation flag is set, RFC 4121 section 4.1.1 requires the fields of the credentials. Kerberos.NET
    /// leaves the fields out, and gokrb5 writes four zeros.
    #[test]
    fn delegation_flag_without_credentials_delegates_nothing() {
        let server = Server::new();
        for fields in [vec![], vec![0; 4]] {
            let accepted = server.accepts(|token| {
                token.authenticator.gss.flags |= GssFlags::DELEGATE.bits();
                token.authenticator.gss.extensions = fields;
            });
            assert!(accepted.authenticator().gss_flags().unwrap().contains(GssFlags::DELEGATE));
            assert!(!accepted.delegates());
            assert!(accepted.delegated_credentials().unwrap().is_none());
        }
    }

    #[test]
    fn channel_bindings_are_compared_when_the_client_sends_them() {
        let server = Server::with_policy(Policy::default().with_channel_bindings([ChannelBindings::new(b"ours")]));
        let accepted = server.accepts(|token| *token = token.clone().bound_to(b"ours"));
        assert_eq!(accepted.channel_bindings(), BindingState::Matched);
        assert_eq!(server.accepts(|_| ()).channel_bindings(), BindingState::Absent);
    }
}

mod names {
    use super::*;

    /// Other readers of GeneralString refuse the octets from 0x80 to 0xA0, which occur in UTF-8.
    #[test]
    fn client_names_in_utf8_are_accepted() {
        let server = Server::new();
        for name in
            ["à.la.carte", "Łukasz", "李小龍", "Ünal", "😀", "o'neill", "a b", "back\\slash", "\u{80}\u{9F}\u{A0}"]
        {
            let accepted = server.accepts(|token| *token = token.clone().client(name));
            assert_eq!(accepted.identity().name().components().collect::<Vec<_>>(), [name]);
        }
    }

    #[test]
    fn client_name_of_several_components_and_any_type_is_accepted() {
        let server = Server::new();
        for name_type in [-1, 0, 1, 2, 3, 10, 11, 128] {
            let name = NameParts { name_type, components: vec![b"host".to_vec(), b"pc.contoso.test".to_vec()] };
            let accepted = server.accepts(|token| *token = token.clone().client(name));
            assert_eq!(accepted.identity().name().to_string(), "host/pc.contoso.test");
            assert_eq!(accepted.identity().name().name_type(), NameType(name_type));
        }
    }
}

mod realm {
    use super::*;

    #[test]
    fn equal_test_realms_make_equal_tokens() {
        let [one, two] = [(); 2].map(|()| TestRealm::new("CONTOSO.TEST"));
        assert_eq!(one.ticket_for("alice").mint(), two.ticket_for("alice").mint());
        assert_eq!(one.ticket_for("alice").mint(), two.ticket_for("alice").mint());
        let token = one.ticket_for("alice");
        assert_eq!(token.mint(), token.mint());
    }

    #[test]
    fn two_test_tokens_have_different_session_keys_and_subkeys() {
        let realm = TestRealm::new("CONTOSO.TEST");
        let [one, two] = [realm.ticket_for("alice"), realm.clone().ticket_for("alice")];
        assert_ne!(one.ticket.session_key, two.ticket.session_key);
        assert_ne!(one.authenticator.subkey, two.authenticator.subkey);
    }

    #[test]
    fn keys_differ_between_test_realms_and_between_accounts_and_between_key_versions() {
        let base = TestRealm::new("CONTOSO.TEST");
        let all = [
            base.clone(),
            TestRealm::new("FABRIKAM.TEST"),
            base.clone().with_account("OTHER$"),
            base.clone().with_kvno(2),
        ];
        for etype in EncType::SUPPORTED {
            let mut keys: Vec<_> = all.iter().map(|realm| realm.key(etype).expose_bytes().to_vec()).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), all.len());
        }
    }
}

/// A client with a name that every check accepts.
#[derive(Clone, Debug)]
struct Person {
    components: Vec<String>,
    name_type: i32,
    realm: String,
}

fn person() -> impl Strategy<Value = Person> {
    let text = "[^\\x00]{1,40}";
    (prop::collection::vec(text, 1..=16), any::<i32>(), "[^\\x00]{1,60}")
        .prop_map(|(components, name_type, realm)| Person { components, name_type, realm })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn identity_has_the_name_and_realm_that_the_client_sent(who in person()) {
        let realm = TestRealm::new("CONTOSO.TEST");
        let keys = kerberos_sso::KeySet::from(realm.account().with_client_realm(&who.realm));
        let server = Server::with_keys(realm, keys, Policy::default());
        let components = who.components.iter().map(|component| component.clone().into()).collect();
        let name = NameParts { name_type: who.name_type, components };
        let accepted = accept(&server, &server.good().client(name).client_realm(who.realm.clone()))?;
        let reported: Vec<_> = accepted.identity().name().components().map(str::to_owned).collect();
        prop_assert_eq!(reported, who.components);
        prop_assert_eq!(accepted.identity().name().name_type().0, who.name_type);
        prop_assert_eq!(accepted.identity().realm(), who.realm);
    }

    #[test]
    fn ticket_with_any_values_within_the_limits_is_accepted(
        etypes in (0..EncType::SUPPORTED.len(), 0..EncType::SUPPORTED.len()),
        kvno in prop::option::of(-(1_i64 << 31)..(1 << 32)),
        flags in any::<u32>(),
        authtime in -90_000..0_i64,
        start in prop::option::of(-40_000..=300_i64),
        end in -300..=43_200_i64,
        skew in -300..=300_i64,
        cusec in 0..1_000_000_i64,
        sequence in prop::option::of(-(1_i64 << 31)..(1 << 32)),
        opaque in prop::collection::vec((any::<i32>(), prop::collection::vec(any::<u8>(), 0..64)), 1..8),
    ) {
        let server = server_of_all_types();
        let after = |seconds| NOW.saturating_add_seconds(seconds);
        let refused = TicketFlags::INVALID.bits() | TicketFlags::ANONYMOUS.bits();
        let mut token = server.good().etype(EncType::SUPPORTED[etypes.0]).session_etype(EncType::SUPPORTED[etypes.1]);
        token.ticket.kvno = kvno;
        token.ticket.flags = flags & !refused;
        token.ticket.authtime = after(authtime).into();
        let start = start.map(|start| start.min(end));
        token.ticket.starttime = start.map(|start| after(start).into());
        token.ticket.endtime = after(end.min(start.unwrap_or(authtime) + 86_700)).into();
        prop_assume!(end.min(start.unwrap_or(authtime) + 86_700) >= -300);
        token.authenticator.ctime = after(skew).into();
        token.authenticator.cusec = cusec;
        token.authenticator.seq_number = sequence;
        // Random octets of an AD-IF-RELEVANT or a PAC would be malformed. Other tests check these types.
        let opaque: Vec<_> = opaque.into_iter().filter(|(ad_type, _)| *ad_type != 1 && *ad_type != 128).collect();
        token.ticket.authorization_data = vec![if_relevant(&opaque)];
        token.authenticator.authorization_data = vec![if_relevant(&opaque)];
        let accepted = accept(&server, &token)?;
        prop_assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
        prop_assert_eq!(accepted.ticket().flags().bits(), flags & !refused);
        prop_assert_eq!(accepted.authenticator().time().seconds(), after(skew).seconds());
        prop_assert_eq!(i64::from(accepted.authenticator().time().micros()), cusec);
    }

    /// An attacker without the keys cannot change an encrypted field.
    #[test]
    fn token_with_a_changed_octet_never_gives_another_identity(place in any::<prop::sample::Index>(), bits in 1..=u8::MAX) {
        let server = Server::new();
        let mut bytes = server.good().mint();
        let place = place.index(bytes.len());
        bytes[place] ^= bits;
        if let Ok(accepted) = server.check(&bytes) {
            prop_assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
            prop_assert_eq!(accepted.authenticator().time(), NOW);
        }
    }

    #[test]
    fn random_octets_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Server::new().check(&bytes).is_err());
    }

    #[test]
    fn token_is_accepted_at_every_time_before_the_year_10000(seconds in -62_167_000_000..253_402_000_000_i64) {
        let mut server = Server::new();
        server.now = UnixTime::from_seconds(seconds);
        let accepted = accept(&server, &server.good())?;
        prop_assert_eq!(accepted.authenticator().time(), server.now);
    }
}

fn accept(server: &Server, token: &TestToken) -> Result<Accepted, TestCaseError> {
    server.check(&token.mint()).map_err(|error| TestCaseError::fail(error.to_string()))
}
