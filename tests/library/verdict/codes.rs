//! Tests of the error codes: the codes are stable, the list is complete, and a real request causes each code.

use crate::common;

use common::dialogue::{Host, prefers_ntlm};
use common::refusals::{IN_ORDER, server};
use common::{NOW, Server};
use kerberos_sso::crypto::EncType;
use kerberos_sso::error::{Blame, PacError};
use kerberos_sso::pac::Pac;
use kerberos_sso::replay::{Admission, MemoryReplayCache, ReplayCache, ReplayEntry, ReplayLimit};
use kerberos_sso::testing::{
    KeyParts, MechToken, NegTokenRespParts, PacParts, TestRealm, TestToken, TokenFraming, mech,
};
use kerberos_sso::{ChannelBindings, Error, KeySet, Policy, UnixTime, Validator, policy::BindingLevel};

type Refuse = fn() -> Error;

/// Every code with its blame, and a request that is refused with this code. Later versions keep the name and the blame
/// of every code, and may add codes.
const CODES: [(&str, Blame, Refuse); 44] = [
    ("not-negotiate", Blame::Message, || {
        Server::new().validator.validate_header(b"Basic eDp4", NOW).unwrap_err().into_error()
    }),
    ("malformed", Blame::Message, || in_order("malformed", 0)),
    ("too-large", Blame::Message, || in_order("too-large", 0)),
    ("ntlm", Blame::Client, || Server::new().check(b"NTLMSSP\0\x01\0\0\0").unwrap_err()),
    ("negoex", Blame::Client, || Server::new().check(b"NEGOEXTS").unwrap_err()),
    ("iakerb", Blame::Client, || refusal(|token| token.framing = TokenFraming::Krb5(mech::IAKERB.into()))),
    ("no-kerberos", Blame::Client, || refusal(|token| token.framing = TokenFraming::Krb5(vec![0x2A]))),
    ("no-token", Blame::Client, || {
        refusal(|token| *token = token.clone().spnego(|spnego| spnego.mech_token = MechToken::Absent))
    }),
    ("user-to-user", Blame::Client, || in_order("user-to-user", 0)),
    ("unsupported-etype", Blame::Keys, || in_order("unsupported-etype", 0)),
    ("rc4-refused", Blame::Keys, || in_order("rc4-refused", 0)),
    ("no-key", Blame::Keys, || in_order("no-key", 0)),
    ("key-version", Blame::Keys, || {
        let realm = Server::new().realm;
        let keys = KeySet::from(realm.clone().with_kvno(2).account());
        let server = Server::with_keys(realm, keys, Policy::default());
        server.check(&server.good().mint()).unwrap_err()
    }),
    ("integrity", Blame::Keys, || in_order("integrity", 0)),
    ("integrity", Blame::Proof, || in_order("integrity", 1)),
    ("service-refused", Blame::Policy, || in_order("service-refused", 0)),
    ("name-refused", Blame::Policy, || in_order("name-refused", 0)),
    ("untrusted-realm", Blame::Policy, || in_order("untrusted-realm", 0)),
    ("client-mismatch", Blame::Proof, || in_order("client-mismatch", 0)),
    ("clock-skew", Blame::Time, || in_order("clock-skew", 0)),
    ("ticket-expired", Blame::Time, || in_order("ticket-expired", 0)),
    ("ticket-not-yet-valid", Blame::Time, || in_order("ticket-not-yet-valid", 0)),
    ("ticket-invalid", Blame::Time, || in_order("ticket-invalid", 0)),
    ("ticket-lifetime", Blame::Policy, || refusal(|token| token.ticket.endtime = "20361121080000Z".into())),
    ("address-mismatch", Blame::Policy, || in_order("address-mismatch", 0)),
    ("transited", Blame::Policy, || in_order("transited", 0)),
    ("authorization-data", Blame::Policy, || in_order("authorization-data", 0)),
    ("checksum", Blame::Proof, || in_order("checksum", 0)),
    ("channel-binding", Blame::Proof, || in_order("channel-binding", 0)),
    ("channel-binding-missing", Blame::Policy, || {
        let bindings = [ChannelBindings::new(b"ours")];
        let policy = Policy::default().with_channel_bindings(bindings).with_binding_level(BindingLevel::Require);
        let server = Server::with_policy(policy);
        server.check(&server.good().mint()).unwrap_err()
    }),
    ("delegation", Blame::Policy, || in_order("delegation", 0)),
    ("negotiation", Blame::Proof, without_its_mic),
    ("replay", Blame::Proof, || {
        let realm = Server::new().realm;
        let cache = MemoryReplayCache::new(10, Policy::default().clock_skew(), NOW).taking_earlier_authenticators();
        let validator = Validator::new(realm.key_set(), Policy::default(), cache);
        let token = realm.ticket_for("alice").mint();
        let _accepted = validator.validate_ticket(&token, NOW).unwrap();
        validator.validate_ticket(&token, NOW).unwrap_err().into_error()
    }),
    ("replay-cache-full", Blame::ReplayCache, || store_says(Admission::Full(ReplayLimit::Cache))),
    ("replay-cache-failed", Blame::ReplayCache, || store_says(Admission::Failed)),
    ("pac-missing", Blame::Policy, || directory().refusal(|token| *token = token.clone().without_pac())),
    ("pac-malformed", Blame::Proof, || of_pac(|pac| pac.raw = Some(vec![0; 7]))),
    ("pac-signature", Blame::Proof, || of_pac(|pac| pac.server_signature.key = pac.kdc_signature.key.clone())),
    ("pac-mismatch", Blame::Proof, || of_pac(|pac| pac.client_info.name = Some("bob".into()))),
    ("untrusted-domain", Blame::Policy, || of_pac(|pac| pac.user("S-1-5-21-9-9-9-1103".parse().unwrap()))),
    ("account-refused", Blame::Policy, || {
        let guest = directory().realm.domain_sid().join(501).unwrap();
        of_pac(|pac| pac.user(guest))
    }),
    ("delegation", Blame::Policy, || of_pac(|pac| pac.delegated("HTTP/www", &["WEB$@CONTOSO.TEST"]))),
    ("misuse", Blame::Caller, || {
        let server = Server::with_policy(Policy::default().with_binding_level(BindingLevel::Require));
        server.check(&server.good().mint()).unwrap_err()
    }),
    ("unsupported-etype", Blame::Keys, || {
        let server = Server::with_policy(Policy::default().with_ticket_etypes(&[EncType::AES128_CTS_HMAC_SHA1_96]));
        server.check(&server.good().mint()).unwrap_err()
    }),
];

/// The codes that the documentation of the crate has promised.
const PROMISED: [&str; 40] = [
    "not-negotiate",
    "malformed",
    "too-large",
    "ntlm",
    "negoex",
    "iakerb",
    "no-kerberos",
    "user-to-user",
    "unsupported-etype",
    "rc4-refused",
    "no-key",
    "key-version",
    "integrity",
    "service-refused",
    "name-refused",
    "untrusted-realm",
    "client-mismatch",
    "clock-skew",
    "ticket-expired",
    "ticket-not-yet-valid",
    "ticket-invalid",
    "ticket-lifetime",
    "address-mismatch",
    "transited",
    "checksum",
    "channel-binding",
    "channel-binding-missing",
    "replay",
    "replay-cache-full",
    "replay-cache-failed",
    "delegation",
    "misuse",
    "no-token",
    "pac-missing",
    "pac-malformed",
    "pac-signature",
    "pac-mismatch",
    "untrusted-domain",
    "account-refused",
    "negotiation",
];

#[test]
fn every_listed_request_is_refused_with_its_code_and_blame() {
    for (code, blame, refuse) in CODES {
        let error = refuse();
        assert_eq!((error.code(), error.blame()), (code, blame), "{error}");
    }
}

/// The test reads the codes from the source. A new code in the source needs a request in `CODES`.
#[test]
fn list_of_codes_has_every_code_of_the_source() {
    let mut given: Vec<(&str, String)> = CODES.iter().map(|(code, blame, _)| (*code, format!("{blame:?}"))).collect();
    given.sort();
    given.dedup();
    let mut written: Vec<(&str, String)> =
        include_str!("../../../src/error/code.rs").lines().filter_map(code_and_blame).collect();
    written.sort();
    written.dedup();
    assert!(written.len() > 30, "{}", written.len());
    assert_eq!(given, written);
}

/// Reads the code and the blame of a line such as `=> ("malformed", Blame::Message),`.
fn code_and_blame(line: &str) -> Option<(&str, String)> {
    let (_, pair) = line.split_once("=> (\"")?;
    let (code, rest) = pair.split_once("\", Blame::")?;
    let (blame, _) = rest.split_once(')')?;
    Some((code, blame.into()))
}

#[test]
fn promised_codes_are_among_the_listed_codes() {
    for promised in PROMISED {
        assert!(CODES.iter().any(|(code, ..)| *code == promised), "{promised}");
    }
}

#[test]
fn codes_are_in_kebab_case() {
    for (code, ..) in CODES {
        assert!(
            code.split('-')
                .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
        );
    }
}

#[test]
fn text_and_remedy_of_every_error_are_sentences() {
    for (code, _, refuse) in CODES {
        let error = refuse();
        let text = error.to_string();
        assert!(text.len() > 20 && !text.ends_with('.') && !text.contains('\n'), "{code}: {text}");
        if let Some(remedy) = error.remedy().map(|remedy| remedy.to_string()) {
            assert!(
                remedy.ends_with('.') && !remedy.contains("  ") && !remedy.contains(['\n', '{', '}']),
                "{code}: {remedy}"
            );
        }
    }
}

/// A program that prints an error and all its sources must print each text only once. An error whose text contains its
/// cause's text has no source.
#[test]
fn text_of_a_source_is_not_repeated_in_the_text_of_its_error() {
    for (_, _, refuse) in CODES {
        assert_texts_differ(&refuse());
    }
    let certificate = ChannelBindings::tls_server_end_point(b"no certificate").unwrap_err();
    assert_texts_differ(&certificate);
    assert_texts_differ(&Pac::read(&[0; 7]).map_err(PacError::from).unwrap_err());
}

fn assert_texts_differ(error: &dyn std::error::Error) {
    let chain: Vec<String> =
        std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    for (place, text) in chain.iter().enumerate() {
        assert!(chain[..place].iter().all(|outer| !outer.contains(text.as_str())), "{chain:?}");
    }
}

/// The test checks every word of the two errors that administrators see most often.
#[test]
fn errors_of_ntlm_and_clock_skew_have_the_expected_texts() {
    let ntlm = Server::new().check(b"NTLMSSP\0\x01\0\0\0").unwrap_err();
    assert_eq!(ntlm.to_string(), "the client sent NTLM (NEGOTIATE_MESSAGE, type 1) instead of a Kerberos ticket");
    assert_eq!(
        ntlm.remedy().unwrap().to_string(),
        "The client fell back to NTLM because it could not get a Kerberos ticket for this host. The usual causes, most \
             frequent first: (1) the URL names an IP address or a DNS alias: use the name that the service principal has, \
             and not a CNAME to another name; (2) no account, or two accounts, have that service principal name: \"setspn -Q \
             HTTP/<the host in the URL>\" must find exactly one; (3) the browser does not trust the site: put it into the Local Intranet \
             zone, or into AuthServerAllowlist of Chrome or Edge; (4) the client does not reach a domain controller (VPN), \
             or its user is a local user: \"klist get HTTP/<the host in the URL>\" on the client shows which of \
             these two is the cause."
    );
    let offered = refusal(|token| {
        *token = token.clone().spnego(|spnego| spnego.mech_token = MechToken::Raw(b"NTLMSSP\0\x01\0\0\0".into()));
    });
    assert_eq!(
        offered.to_string(),
        "the client sent NTLM (NEGOTIATE_MESSAGE, type 1) instead of a Kerberos ticket, though it offers Kerberos as well"
    );
    let behind = refusal(|token| token.authenticator.ctime = "20261121075458Z".into());
    assert_eq!(
        behind.to_string(),
        "the client's clock is 302 s behind this server's (client 2026-11-21T07:54:58Z, server 2026-11-21T08:00:00Z; 300 s \
         are allowed)"
    );
    let ahead = refusal(|token| token.authenticator.ctime = "20261121090000Z".into());
    assert!(ahead.to_string().starts_with("the client's clock is 3600 s ahead of this server's"), "{ahead}");
    assert_eq!(
        ahead.remedy().unwrap().to_string(),
        "Synchronise the clocks with the domain's: on the client \"w32tm /resync\" (Windows) or chronyd (Linux). If \
             every client is refused, do the same on this server. Kerberos allows a difference of five minutes in both \
             directions. A virtual machine that resumed from a snapshot often has a wrong clock."
    );
}

#[cfg(feature = "rc4")]
#[test]
fn errors_of_unsupported_types_and_rc4_have_the_expected_texts() {
    let error = refusal(|token| token.ticket.etype = 3);
    assert_eq!(
        error.to_string(),
        "the ticket's encryption is of type des-cbc-md5 (3), which this server does not support"
    );
    assert_eq!(
        error.remedy().unwrap().to_string(),
        "The account has keys of that obsolete type only, or its option \"Use Kerberos DES encryption types\" is set. Set \
             msDS-SupportedEncryptionTypes of the service account to 24 (AES128 and AES256), clear that option, then change \
             the account's password so that AES keys exist."
    );
    let rc4 = refusal(|token| *token = token.clone().etype(EncType::RC4_HMAC));
    assert_eq!(rc4.to_string(), "the ticket's encryption is RC4 (rc4-hmac, 23), which the policy does not allow");
    assert_eq!(
        rc4.remedy().unwrap().to_string(),
        "Move the service account to AES: set its msDS-SupportedEncryptionTypes to 24 (AES128 and AES256), then change \
             its password (for AZUREADSSOACC$: Update-AzureADSSOForest), since AES keys are made only at a password change; \
             give this server the new keys. Tickets that clients hold stay RC4 until they end (10 hours), or until \"klist \
             purge\". Until then allow_rc4() on the policy accepts these tickets."
    );
}

/// Two causes with the same code may need different remedies.
#[test]
fn remedies_of_two_causes_with_the_same_code_differ() {
    const AES128: EncType = EncType::AES128_CTS_HMAC_SHA1_96;
    let own_type = KeyParts { keytype: AES128.0, keyvalue: vec![1; 16] };
    let aes256 = Policy::default().with_session_etypes(&[EncType::AES256_CTS_HMAC_SHA1_96]);
    let large = Server::with_policy(Policy::default().with_max_token_size(1024));
    for (error, said) in [
        (in_order("too-large", 0), "No policy accepts a larger token"),
        (
            large.check(&large.good().spnego(|spnego| spnego.mech_list_mic = Some(vec![0; 2000])).mint()).unwrap_err(),
            "Raise the policy's",
        ),
        (refusal(|token| token.ticket.endtime = "20261121075400Z".into()), "Let the client get a new ticket"),
        (
            refusal(|token| {
                token.ticket.starttime = Some("20261121080100Z".into());
                token.ticket.endtime = "20261121080000Z".into();
            }),
            "No KDC writes a ticket that ends before it starts",
        ),
        (in_order("authorization-data", 0), "Let the KDC wrap"),
        (in_order("authorization-data", 1), "Let the client's program wrap"),
        (in_order("unsupported-etype", 1), "The client chose this type by itself"),
        (
            Server::with_policy(aes256).refusal(|token| token.authenticator.subkey = Some(own_type)),
            "The client chose this type by itself",
        ),
        (refusal(|token| *token = token.clone().client("WELLKNOWN/ANONYMOUS")), "kinit without -n"),
        (of_pac(|pac| pac.logon_info.account_control |= 1), "enable the account"),
    ] {
        let remedy = error.remedy().unwrap().to_string();
        assert!(remedy.contains(said), "{error}: {remedy}");
    }
    assert_eq!(in_order("name-refused", 0).remedy(), None);
}

fn refusal(change: impl FnOnce(&mut TestToken)) -> Error {
    Server::new().refusal(change)
}

/// Returns a server in a domain of Active Directory with the policy of Seamless SSO for any service.
fn directory() -> Server {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    Server::with_keys(realm.clone(), realm.key_set(), Policy::seamless_sso().with_any_service())
}

/// Returns the error with which the server of `directory` refuses a good token whose PAC `change` has changed.
fn of_pac(change: impl FnOnce(&mut PacParts)) -> Error {
    directory().refusal(|token| *token = token.clone().pac(change))
}

/// Returns the error for the change that `IN_ORDER` lists under this code. `place` selects one of several changes with
/// the same code.
fn in_order(code: &str, place: usize) -> Error {
    let (_, change) =
        IN_ORDER.into_iter().filter(|(listed, _)| *listed == code).nth(place).expect("`IN_ORDER` has the code");
    server().refusal(change)
}

/// Returns the error for a client that prefers NTLM and sends no MIC over its MechTypeList.
fn without_its_mic() -> Error {
    let host = Host::new();
    let kept = host.continues(&prefers_ntlm(host.good()).mint(), None);
    host.refuses(&NegTokenRespParts::default().mint(), Some(&kept.state))
}

fn store_says(answer: Admission) -> Error {
    struct Store(Admission);

    impl ReplayCache for Store {
        fn check_and_insert(&self, _: &ReplayEntry<'_>, _: UnixTime) -> Admission {
            self.0
        }
    }

    let realm = Server::new().realm;
    let validator = Validator::new(realm.key_set(), Policy::default(), Store(answer));
    validator.validate_ticket(&realm.ticket_for("alice").mint(), NOW).unwrap_err().into_error()
}

/// The remedy of a failed negotiation names an action, or says that a single refusal needs no action.
#[test]
fn errors_of_failed_negotiations_have_the_expected_texts() {
    let error = without_its_mic();
    assert_eq!(
        error.to_string(),
        "the negotiation failed: the client's MIC over the mechanisms that it offered is missing"
    );
    assert!(
        error.remedy().unwrap().to_string().starts_with("Let the program pass each client's next token with the state")
    );
    let mut host = Host::new();
    let kept = host.continues(&prefers_ntlm(host.good()).mint(), None);
    host.now = NOW.saturating_add_seconds(301);
    let late = host.refuses(&NegTokenRespParts::default().mint(), Some(&kept.state));
    assert_eq!(
        late.to_string(),
        "the negotiation failed: the client answered 301 s after this server's answer, and 300 s are allowed"
    );
    assert!(late.remedy().unwrap().to_string().starts_with("A single refusal of this kind needs no action"));
}
