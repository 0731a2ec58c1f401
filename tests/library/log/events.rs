//! Tests of the events for a subscriber of `tracing`. A subscriber gets each decision once, the stages in their order,
//! and no secret.

use crate::common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use common::dialogue::{Host, final_token, prefers_ntlm, random, random_octets};
use common::refusals::{IN_ORDER, server};
use common::{NOW, Server, all_etypes};
use kerberos_sso::crypto::EncType;
use kerberos_sso::negotiate::RoundTrips;
use kerberos_sso::observe::TARGET;
use kerberos_sso::replay::Admission;
use kerberos_sso::testing::{TestClient, TestRealm, TestToken};
use kerberos_sso::{Accepted, KeySet, Policy, Refused, Validator};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// A subscriber that stores all spans and events in their order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone, Debug)]
enum Entry {
    Span(&'static str),
    Entered,
    Left,
    Event(Level, BTreeMap<&'static str, String>),
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        assert_eq!((span.metadata().target(), *span.metadata().level()), (TARGET, Level::DEBUG));
        assert!(span.is_empty());
        self.0.lock().unwrap().push(Entry::Span(span.metadata().name()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_eq!(event.metadata().target(), TARGET);
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(Entry::Event(*event.metadata().level(), fields.0));
    }

    fn enter(&self, _: &Id) {
        self.0.lock().unwrap().push(Entry::Entered);
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().push(Entry::Left);
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Makes sure that every subscriber of this program gets its events. If a program has only one subscriber, `tracing`
/// asks only the thread that reaches an event first whether a subscriber wants the event. This thread may belong to a
/// test without a subscriber. The event then stays disabled in all threads. So this function makes a second subscriber,
/// which stays for the whole run.
pub(crate) fn keep_events_enabled() {
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Log::default()));
    LazyLock::force(&SECOND);
}

fn watched<T>(run: impl FnOnce() -> T) -> (T, Vec<Entry>) {
    keep_events_enabled();
    let log = Log::default();
    let result = tracing::subscriber::with_default(log.clone(), run);
    let entries = log.0.lock().unwrap().clone();
    (result, entries)
}

fn events(entries: &[Entry]) -> Vec<(Level, BTreeMap<&'static str, String>)> {
    let event = |entry: &Entry| match entry {
        Entry::Event(level, fields) => Some((*level, fields.clone())),
        _ => None,
    };
    entries.iter().filter_map(event).collect()
}

fn only_event(entries: &[Entry]) -> (Level, BTreeMap<&'static str, String>) {
    let events = events(entries);
    assert_eq!(events.len(), 1, "{events:?}");
    events[0].clone()
}

/// Returns the names of the spans. Each span must end before the next span begins.
fn stages(entries: &[Entry]) -> Vec<&'static str> {
    let mut stages = Vec::new();
    let spans: Vec<_> = entries.iter().filter(|entry| !matches!(entry, Entry::Event(..))).collect();
    for span in spans.chunks(3) {
        let [Entry::Span(name), Entry::Entered, Entry::Left] = span else { panic!("{span:?}") };
        stages.push(*name);
    }
    stages
}

fn fields(pairs: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

const STAGES: [&str; 5] = ["read", "open", "verify", "authorize", "admit"];

#[test]
fn event_of_an_accepted_request_has_the_user_and_the_service_and_the_keys_and_the_skew() {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").with_kvno(7).of_active_directory();
    let server = Server::with_keys(realm.clone(), realm.key_set(), Policy::default());
    let token = realm.ticket_for("alice").at(NOW).sent_at(NOW.saturating_add_seconds(-42)).kvno(6);
    let (accepted, entries) = watched(|| server.check(&token.mint()));
    let sid = accepted.unwrap().identity().sid().unwrap().to_string();
    assert_eq!(
        only_event(&entries),
        (
            Level::INFO,
            fields(&[
                ("code", "accepted"),
                ("user", "alice"),
                ("realm", "CONTOSO.TEST"),
                ("sid", &sid),
                ("service", "HTTP/www.contoso.test"),
                ("service_realm", "CONTOSO.TEST"),
                ("account", "AZUREADSSOACC$"),
                ("ticket_etype", "18"),
                ("ticket_kvno", "6"),
                ("key_kvno", "7"),
                ("session_etype", "18"),
                ("skew_seconds", "-42"),
                ("channel_bindings", "Absent"),
            ])
        )
    );
    assert_eq!(stages(&entries), STAGES);
}

#[test]
fn event_of_a_refusal_has_the_code_and_text_and_blame_and_remedy() {
    let server = server();
    for (code, change) in IN_ORDER {
        let mut token = server.good();
        change(&mut token);
        let (error, entries) = watched(|| server.check(&token.mint()).unwrap_err());
        let (level, fields) = only_event(&entries);
        assert_eq!((fields["code"].as_str(), error.code()), (code, code));
        assert_eq!(fields["message"], error.to_string());
        assert_eq!(fields["blame"], error.blame().to_string());
        assert_eq!(fields.get("remedy").cloned(), error.remedy().map(|remedy| remedy.to_string()));
        let for_the_administrator = ["keys", "replay-cache", "caller"].contains(&fields["blame"].as_str());
        assert_eq!(level, if for_the_administrator { Level::WARN } else { Level::INFO }, "{code}");
        // The event has no facts of a request that could not be read.
        let read = stages(&entries).len() > 1;
        assert_eq!(fields.contains_key("ticket_etype"), read, "{code}");
        assert_eq!(fields.contains_key("service_realm"), read, "{code}");
        assert!(STAGES.starts_with(&stages(&entries)));
    }
}

#[test]
fn event_of_a_clock_skew_has_the_skew_in_seconds() {
    let server = Server::new();
    let late = server.good().sent_at(NOW.saturating_add_seconds(-3600));
    let (_, entries) = watched(|| server.check(&late.mint()));
    assert_eq!(only_event(&entries).1["skew_seconds"], "-3600");
}

/// The stages report the same events as the call of `validate_ticket`.
#[test]
fn events_of_the_stages_are_the_events_of_validate_ticket() {
    let server = server();
    let staged = Validator::staged(server.realm.key_set(), common::refusals::policy());
    let decide = |token: &[u8], admission: Admission| -> Result<Accepted, Refused> {
        let opened = staged.open(staged.read(token)?, NOW)?;
        let verified = staged.verify(opened, NOW)?;
        staged.authorize(verified)?.admit(admission)
    };
    for (code, change) in IN_ORDER {
        let mut token = server.good();
        change(&mut token);
        let (_, at_once) = watched(|| server.check(&token.mint()).unwrap_err());
        let (_, entries) = watched(|| decide(&token.mint(), Admission::New).unwrap_err());
        assert_eq!(only_event(&entries), only_event(&at_once), "{code}");
        assert_eq!(stages(&entries), stages(&at_once), "{code}");
    }
    let token = server.good().mint();
    let (_, entries) = watched(|| decide(&token, Admission::New).unwrap());
    assert_eq!(only_event(&entries).1["code"], "accepted");
    let (_, entries) = watched(|| decide(&token, Admission::Seen).unwrap_err());
    assert_eq!(only_event(&entries).1["code"], "replay");
    let ((), entries) = watched(|| server.validator.read(&token).map(drop).unwrap());
    assert!(events(&entries).is_empty());
}

/// The replay cache of this test answers at the first poll. With further polls, the subscriber would see the span of
/// the admission again at each poll.
#[test]
fn events_of_validate_ticket_async_are_the_events_of_validate_ticket() {
    let server = server();
    let awaited = |token: &[u8]| {
        let mut future = Box::pin(server.validator.validate_ticket_async(token, server.arrival()));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(verdict) => verdict,
            Poll::Pending => panic!("the cache answers at once"),
        }
    };
    let good = server.good();
    let (_, at_once) = watched(|| server.check(&good.mint()).unwrap());
    let (_, entries) = watched(|| awaited(&good.mint()).unwrap());
    assert_eq!((only_event(&entries), stages(&entries)), (only_event(&at_once), STAGES.to_vec()));
    for (code, change) in IN_ORDER {
        let mut token = server.good();
        change(&mut token);
        let (_, at_once) = watched(|| server.check(&token.mint()).unwrap_err());
        let (_, entries) = watched(|| awaited(&token.mint()).unwrap_err());
        assert_eq!((only_event(&entries), stages(&entries)), (only_event(&at_once), stages(&at_once)), "{code}");
    }
}

#[test]
fn event_of_a_value_without_a_token_is_reported_once() {
    let host = Host::new();
    let sign_in = |values: &[&str]| {
        let _step = host.nodes[0].sign_in(values, RoundTrips::Many(None), &random(1), NOW);
    };
    for (values, code) in [
        (&["NTLM TlRMTVNTUAABAAAA"][..], "ntlm"),
        (&["Negotiate YII=", "Negotiate YII="], "not-negotiate"),
        (&["Negotiate !"], "not-negotiate"),
        (&["Negotiate YII="], "malformed"),
    ] {
        assert_eq!(only_event(&watched(|| sign_in(values)).1).1["code"], code);
    }
    assert!(watched(|| sign_in(&["Basic eA=="])).1.is_empty(), "the request was not decided");
}

/// Only the event at the end of the negotiation names the user.
#[test]
fn event_at_the_end_of_a_negotiation_names_the_user() {
    let host = Host::new();
    let token = prefers_ntlm(host.good());
    let (asked, entries) = watched(|| host.continues(&token.mint(), None));
    assert_eq!(only_event(&entries), (Level::DEBUG, fields(&[("code", "continues")])));
    let client = TestClient::of(&token);
    let mic = client.complete(Some(&asked.token)).unwrap().get_mic(&client.mech_types);
    let (_, entries) = watched(|| host.ends(&final_token(mic).mint(), Some(&asked.state)));
    assert_eq!(only_event(&entries).1["user"], "alice");
    let (_, entries) = watched(|| host.refuses(&final_token(vec![0; 28]).mint(), Some(&asked.state)));
    assert_eq!(only_event(&entries).1["code"], "negotiation");
}

const HOSTILE: &str = "a\r\n2026 root signed in\u{1B}[2J\u{202E}\u{200B}\u{2028}z";

#[test]
fn names_in_events_are_escaped_and_bounded() {
    let server = Server::new();
    let long = "x".repeat(5000);
    for name in [HOSTILE, &long] {
        let token = server.good().client(name).service(name);
        let mut refused = token.clone();
        refused.ticket.realm = name.chars().take(200).collect::<String>().into();
        for token in [token, refused] {
            let (_, entries) = watched(|| server.check(&token.mint()));
            for (field, value) in only_event(&entries).1 {
                assert!(value.len() < 1000, "{field}: {value}");
                assert!(!value.contains(|c: char| c.is_control() || HOSTILE.contains(c) && !c.is_ascii()), "{value:?}");
            }
        }
    }
}

/// Returns the ways to print a secret: in hexadecimal, in base64 at any position among other octets, as numbers, or
/// unchanged.
fn spellings(secret: &[u8]) -> Vec<String> {
    let hex = |separator: &str| secret.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(separator);
    let numbers = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let inside = |before: usize| {
        let encoded = STANDARD_NO_PAD.encode([&vec![0; before][..], secret].concat());
        encoded[before.div_ceil(3) * 4..encoded.len() - 1].to_owned()
    };
    let raw = String::from_utf8_lossy(secret).into_owned();
    let base64 = [inside(0), inside(1), inside(2)].map(|text| text.replace('+', "-").replace('/', "_"));
    let escaped = secret.escape_ascii().to_string();
    [hex(""), hex(":"), hex(" "), hex("").to_uppercase(), numbers, raw, escaped].into_iter().chain(base64).collect()
}

fn assert_no_secret(shown: &str, secrets: &[Vec<u8>]) {
    let (shown, url_safe) = (shown.to_owned(), shown.replace('+', "-").replace('/', "_"));
    for part in secrets.iter().flat_map(|secret| secret.chunks_exact(8)) {
        for spelling in spellings(part) {
            assert!(!shown.contains(&spelling) && !url_safe.contains(&spelling), "{spelling} in {shown}");
        }
    }
}

fn secrets_of(realm: &TestRealm, token: &TestToken) -> Vec<Vec<u8>> {
    let mut secrets: Vec<_> = EncType::SUPPORTED.map(|etype| realm.key(etype).expose_bytes().to_vec()).into();
    secrets.push(token.ticket.session_key.keyvalue.clone());
    secrets.push(token.authenticator.key.expose_bytes().to_vec());
    secrets.extend(token.authenticator.subkey.iter().map(|subkey| subkey.keyvalue.clone()));
    secrets.push(random_octets(1).to_vec());
    secrets
}

#[test]
fn search_for_secrets_finds_a_key_in_every_encoding() {
    let key: Vec<u8> = (0xF1..=0xF8).collect();
    let in_base64 = |before: usize| STANDARD_NO_PAD.encode([&vec![7; before][..], &key, &[7, 7, 7]].concat());
    let shown = [
        format!("{key:?}"),
        format!("{key:02x?}").replace(", ", ""),
        format!("{key:02X?}").replace(", ", ""),
        format!("{key:02x?}").replace(", ", ":"),
        key.escape_ascii().to_string(),
        in_base64(0),
        in_base64(1),
        in_base64(2),
        in_base64(3).replace('+', "-").replace('/', "_"),
    ];
    for shown in shown {
        let search = || assert_no_secret(&shown, std::slice::from_ref(&key));
        assert!(std::panic::catch_unwind(search).is_err(), "{shown}");
    }
}

#[test]
fn events_contain_no_secret() {
    let server = server();
    let rc4 = Server::with_policy(all_etypes());
    let tell = |server: &Server, token: &TestToken| {
        let verdict = watched(|| {
            let header = token.header();
            server.validator.sign_in([&header], RoundTrips::Many(None), &random(1), server.arrival())
        });
        assert_no_secret(&format!("{verdict:?}"), &secrets_of(&server.realm, token));
        events(&verdict.1)[0].1["code"].clone()
    };
    for etype in EncType::SUPPORTED {
        let token = rc4.good().etype(etype).session_etype(etype);
        assert_eq!(tell(&rc4, &token), "accepted", "{etype}");
    }
    for (code, change) in IN_ORDER {
        let mut token = server.good();
        change(&mut token);
        let told = tell(&server, &token);
        assert_eq!(told, code);
    }
    let nothing: [kerberos_sso::Account; 0] = [];
    let keyless = Server::with_keys(server.realm.clone(), KeySet::from_accounts(nothing).unwrap(), Policy::default());
    assert_eq!(tell(&keyless, &server.good()), "no-key");
}

/// A developer may wrongly expect that, with a keytab from Active Directory, the server accepts only users of this
/// directory. So a new validator reports how many of its accounts have no bounds.
#[test]
fn new_validator_reports_the_number_of_accounts_without_bounds() {
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let plain = || TestRealm::new("CONTOSO.TEST").account();
    let report = |account: kerberos_sso::Account, policy: Policy| {
        let (_, entries) = watched(|| Validator::new(KeySet::from(account), policy, ()));
        events(&entries)
            .pop()
            .map(|(_, fields)| ["code", "accounts", "without_pac", "any_domain"].map(|name| fields[name].clone()))
    };
    let counts = |without_pac: &str, any_domain: &str| {
        Some(["unbounded-accounts", "1", without_pac, any_domain].map(String::from))
    };
    assert_eq!(report(plain(), Policy::default()), counts("1", "1"));
    assert_eq!(report(plain().of_active_directory(), Policy::default()), counts("0", "1"));
    assert_eq!(report(plain(), Policy::seamless_sso()), counts("0", "1"));
    assert_eq!(report(realm.account(), Policy::default()), None);
    // Like a new validator, a validator with new keys reports the accounts without bounds.
    let validator = Validator::new(realm.key_set(), Policy::default(), ());
    let (_, entries) = watched(|| validator.with_keys(KeySet::from(plain())));
    let (level, fields) = events(&entries).pop().unwrap();
    assert_eq!((level, fields["realm"].as_str()), (Level::INFO, "CONTOSO.TEST"));
    assert!(fields["remedy"].contains("from_active_directory_keytab"));
}
