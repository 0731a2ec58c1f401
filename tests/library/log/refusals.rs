//! Tests of printed values: a client cannot forge a line of the log, and no printed value shows a key.

use crate::common;

use common::dialogue::{Host, dce_style, final_token, prefers_ntlm, random, random_octets};
use common::refusals::{IN_ORDER, server};
use common::{NOW, Server};
use kerberos_sso::crypto::{EncType, KeyUsage};
use kerberos_sso::testing::{MechToken, NameParts, TestClient, TestToken, TokenFraming};
use kerberos_sso::{
    Account, KeySet, Password, Policy, ServiceKey, negotiate::Step, policy::KvnoPolicy, ticket::NameType,
};
use std::fmt::{Debug, Display};

/// A text with line breaks, escape sequences, marks of writing direction, invisible characters, and line breaks of
/// Unicode.
const HOSTILE: &str = "a\r\n2026 root signed in\u{1B}[2J\u{202E}\u{2066}\u{200B}\u{FEFF}\u{85}\u{2028}\u{E0041}z";

fn everything(value: &(impl Debug + ?Sized)) -> [String; 2] {
    [format!("{value:?}"), format!("{value:#?}")]
}

mod forging {
    use super::*;

    fn assert_one_harmless_line(text: &str) {
        let harmful = |c: char| c.is_control() || HOSTILE.contains(c) && !c.is_ascii();
        assert!(!text.contains(harmful), "{}", text.escape_debug());
    }

    #[test]
    fn accepted_request_with_a_hostile_name_prints_on_one_line() {
        let server = Server::new();
        for change in [with_client, with_service] {
            let accepted = server.accepts(change);
            for shown in [
                accepted.identity().to_string(),
                accepted.identity().name().to_string(),
                accepted.service().to_string(),
                format!("{:?}", accepted.identity()),
                format!("{:?}", accepted.identity().to_owned()),
                format!("{:?}", accepted.identity().to_session()),
                format!("{:?}", accepted.service()),
                format!("{accepted:?}"),
                format!("{:?}", accepted.ticket()),
            ] {
                assert_one_harmless_line(&shown);
            }
        }
        let shown = server.accepts(with_client).identity().to_string();
        assert!(shown.starts_with(r"a\u{d}\u{a}2026 root signed in\u{1b}[2J\u{202e}\u{2066}\u{200b}"), "{shown}");
    }

    /// `Display` joins components with a slash and puts the realm after an at sign. `Display` does not escape a slash
    /// or an at sign in a component. A caller that must distinguish the parts reads the components and the realm.
    #[test]
    fn components_and_realm_stay_separate_when_a_name_has_a_slash_and_an_at_sign() {
        let server = Server::new();
        let name = NameParts::single(NameType::PRINCIPAL, "root/admin@OTHER");
        let accepted = server.accepts(|token| *token = token.clone().client(name));
        assert_eq!(accepted.identity().name().components().collect::<Vec<_>>(), ["root/admin@OTHER"]);
        assert_eq!(accepted.identity().realm(), "CONTOSO.TEST");
    }

    #[test]
    fn refusal_with_a_hostile_name_prints_on_one_line() {
        let listing = Server::with_policy(Policy::default().with_services(["HTTP/www.contoso.test"]));
        let server = Server::new();
        for error in [
            listing.refusal(with_service),
            server.refusal(|token| token.ticket.realm = HOSTILE.into()),
            server.refusal(|token| {
                with_service(token);
                token.ticket.realm = "FABRIKAM.TEST".into();
            }),
            server.refusal(|token| *token = token.clone().client_realm(HOSTILE)),
            server.refusal(|token| {
                let name = NameParts { name_type: 1, components: vec![HOSTILE.into(), Vec::new()] };
                *token = token.clone().client(name);
            }),
        ] {
            assert_one_harmless_line(&error.to_string());
            assert_one_harmless_line(&format!("{error:?}"));
            assert!(error.to_string().contains(r"a\u{d}\u{a}2026 root signed in\u{1b}"), "{error}");
        }
    }

    fn with_client(token: &mut TestToken) {
        *token = token.clone().client(HOSTILE);
    }

    fn with_service(token: &mut TestToken) {
        token.ticket.sname = HOSTILE.into();
    }
}

mod secrets {
    use super::*;
    use md4::Digest as _;

    /// Asserts that the text contains no four successive octets of a key, in decimal or in hexadecimal.
    fn assert_no_secret(shown: &str, secrets: &[Vec<u8>]) {
        let dense: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
        let dense = dense.to_ascii_lowercase();
        for bytes in secrets.iter().flat_map(|secret| secret.windows(4)) {
            let join = |separator: &str, each: &dyn Fn(&u8) -> String| {
                bytes.iter().map(each).collect::<Vec<_>>().join(separator)
            };
            for pattern in [
                join(",", &|byte| format!("{byte}")),
                join("", &|byte| format!("{byte:02x}")),
                join(",", &|byte| format!("{byte:x}")),
                join(",", &|byte| format!("0x{byte:02x}")),
                join(",", &|byte| format!("0x{byte:x}")),
                join("", &|byte| format!("\\x{byte:02x}")),
            ] {
                assert!(!dense.contains(&pattern), "{pattern} in {shown}");
            }
        }
    }

    fn secrets_of(server: &Server, token: &TestToken) -> Vec<Vec<u8>> {
        let of_account = EncType::SUPPORTED.map(|etype| server.realm.key(etype).expose_bytes().to_vec());
        let mut secrets = of_account.to_vec();
        secrets.push(token.ticket.session_key.keyvalue.clone());
        secrets.push(token.authenticator.key.expose_bytes().to_vec());
        secrets.extend(token.authenticator.subkey.iter().map(|subkey| subkey.keyvalue.clone()));
        secrets
    }

    #[test]
    fn search_for_keys_finds_four_octets_in_every_encoding() {
        let found =
            |shown: String| std::panic::catch_unwind(|| assert_no_secret(&shown, &[vec![1, 2, 3, 254]])).is_err();
        for shown in [
            format!("{:?}", [0, 1, 2, 3, 254]),
            format!("{:#?}", [1, 2, 3, 254]),
            format!("{:02X?}", [1, 2, 3, 254]).replace(", ", ""),
            format!("{:#X?}", [1, 2, 3, 254]),
            format!("{:X?}", [1, 2, 3, 254]),
            "010203fe".into(),
            b"\x01\x02\x03\xFE".escape_ascii().to_string(),
        ] {
            assert!(found(shown.clone()), "{shown}");
        }
        assert!(!found("1, 2, 3, 253".into()));
    }

    #[test]
    fn debug_of_the_stages_shows_no_key() {
        let server = Server::new();
        let token = server.good();
        let secrets = secrets_of(&server, &token);
        let bytes = token.mint();
        let check = |value: &dyn Debug| everything(value).iter().for_each(|shown| assert_no_secret(shown, &secrets));
        check(&token);
        check(&server.realm);
        check(&server.validator);
        let request = server.validator.read(&bytes).unwrap();
        check(&request);
        let opened = server.validator.open(request, NOW).unwrap();
        check(&opened);
        check(&opened.ticket());
        check(opened.opened_by());
        let verified = server.validator.verify(opened, NOW).unwrap();
        check(&verified);
        check(&verified.ticket());
        check(&verified.authenticator());
        let authorized = server.validator.authorize(verified).unwrap();
        check(&authorized);
        let accepted = server.validator.admit(authorized, NOW).unwrap();
        check(&accepted);
        check(&accepted.identity());
    }

    /// The test prints the answer at the end of a negotiation, an answer that continues the negotiation, a refusal, and
    /// the kept state. Only the encoded octets of the state may hold keys.
    #[test]
    fn debug_of_the_steps_of_a_negotiation_shows_no_key() {
        let host = Host::new();
        let server = Server::new();
        let ends = host.good();
        let offers = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
        let continues = prefers_ntlm(host.good());
        let three_tokens = dce_style(host.good().framed(TokenFraming::ApReq));
        for token in [&ends, &offers, &continues, &three_tokens] {
            let mut secrets = secrets_of(&server, token);
            secrets.push(random_octets(1).to_vec());
            let check =
                |value: &dyn Debug| everything(value).iter().for_each(|shown| assert_no_secret(shown, &secrets));
            check(&random(1));
            let bytes = token.mint();
            let step = host.step(&bytes, None).unwrap();
            check(&step);
            check(&host.nodes[0].read_step(&bytes, None).unwrap());
            match step {
                Step::Accepted(accepted, answer) => {
                    check(&answer);
                    check(&accepted);
                    check(&answer.into_context());
                }
                Step::Continue(next) => {
                    check(&next);
                    let negotiation = next.into_negotiation();
                    check(&negotiation);
                    let last = final_token(vec![4; 28]).mint();
                    if let Ok(step) = host.nodes[0].read_step(&last, Some(&negotiation)) {
                        check(&step);
                    }
                    let refused = host.refused(&last, Some(&negotiation.to_bytes()));
                    check(&refused);
                    check(refused.error());
                    check(&refused.token());
                }
            }
        }
    }

    /// The client of the test realm knows the session key and both subkeys. Its `Debug` output must not show these
    /// keys.
    #[test]
    fn debug_of_the_test_client_shows_no_key() {
        let server = Server::new();
        let token = server.good();
        let mut secrets = secrets_of(&server, &token);
        secrets.push(random_octets(1)[16..48].to_vec());
        let check = |value: &dyn Debug| everything(value).iter().for_each(|shown| assert_no_secret(shown, &secrets));
        let client = TestClient::of(&token);
        check(&client);
        let answer = server.check(&token.mint()).unwrap().answer(&random(1));
        check(&client.ap_rep(answer.token().unwrap()).unwrap());
        check(&client.complete(answer.token()).unwrap());
    }

    #[test]
    fn debug_of_keys_and_ciphers_and_accounts_shows_no_key() {
        let server = Server::new();
        let secrets = secrets_of(&server, &server.good());
        let check = |value: &dyn Debug| everything(value).iter().for_each(|shown| assert_no_secret(shown, &secrets));
        for etype in EncType::SUPPORTED {
            let key = server.realm.key(etype);
            check(&key.cipher(KeyUsage::TICKET));
            check(&key.checksummer(KeyUsage::PAC_SIGNATURE));
            check(&key.checksummer(KeyUsage::PAC_SIGNATURE).start());
            check(&ServiceKey::new(key.clone(), None));
            check(&key);
        }
        check(&server.realm.account());
        check(&server.realm.key_set());
    }

    /// Returns the NT hash of a password, which is its RC4 key. The function does not use the crate, so that the test
    /// can run in builds without RC4.
    fn nt_hash(text: &str) -> Vec<u8> {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        md4::Md4::digest(units).to_vec()
    }

    #[test]
    fn debug_of_a_password_shows_no_password() {
        let text = "Tr0ub4dor&3";
        let units: Vec<u16> = text.encode_utf16().collect();
        let units_as_bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let secrets = [text.into(), units_as_bytes, nt_hash(text)];
        for password in [Password::from_text(text), Password::from_utf16(&units)] {
            for shown in everything(&password) {
                assert_no_secret(&shown, &secrets);
                assert!(!shown.contains("Tr0ub"));
            }
        }
    }

    #[test]
    fn refusal_shows_no_key() {
        let server = server();
        for (_, change) in IN_ORDER {
            let mut token = server.good();
            let secrets = secrets_of(&server, &token);
            change(&mut token);
            let error = server.check(&token.mint()).unwrap_err();
            for shown in everything(&error).into_iter().chain([shown(&error), shown(&error.blame())]) {
                assert_no_secret(&shown, &secrets);
            }
        }
    }

    fn shown(value: &dyn Display) -> String {
        value.to_string()
    }

    /// The texts of these errors list the types and versions of the server's keys.
    #[test]
    fn error_that_lists_the_servers_keys_shows_no_key() {
        let realm = Server::new().realm;
        let only = |etype: EncType, kvno| {
            let account = Account::new("AZUREADSSOACC$", "CONTOSO.TEST");
            KeySet::from(account.with_key(ServiceKey::new(realm.key(etype), Some(kvno))))
        };
        let policy = Policy::default;
        for (keys, policy) in [
            (only(EncType::AES128_CTS_HMAC_SHA1_96, 1), policy()),
            (only(EncType::AES256_CTS_HMAC_SHA1_96, 2), policy().with_kvno(KvnoPolicy::Strict)),
            (KeySet::from(realm.clone().with_kvno(2).account()), policy()),
        ] {
            let server = Server::with_keys(realm.clone(), keys, policy);
            let token = server.good();
            let error = server.check(&token.mint()).unwrap_err();
            let secrets = secrets_of(&server, &token);
            for shown in everything(&error).into_iter().chain([error.to_string()]) {
                assert_no_secret(&shown, &secrets);
            }
        }
    }
}
