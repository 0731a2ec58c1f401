//! Tests of the events of the layers. Each event has the reason of a challenge or a refusal, and the remedy. The events
//! of challenges and cross-site refusals also have the host.

use super::{authorized, layer, request, send, with_fields};
use crate::common::dialogue::Host;
use crate::log::events::keep_events_enabled;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::any;
use kerberos_sso::Sid;
use kerberos_sso::observe::TARGET;
use kerberos_sso::tower::{ChallengeCause, CrossSite, RequireGroupLayer};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

type Fields = BTreeMap<&'static str, String>;

/// A subscriber that stores all events in their order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, Fields)>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET && metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut visitor = Visitor::default();
        event.record(&mut visitor);
        self.0.lock().unwrap().push((*event.metadata().level(), visitor.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Visitor(Fields);

impl Visit for Visitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Sends one request and returns its events.
async fn events(app: &Router, request: Request<Body>) -> Vec<(Level, Fields)> {
    keep_events_enabled();
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    send(app, request).await;
    drop(guard);
    log.0.lock().unwrap().clone()
}

async fn only_event(app: &Router, request: Request<Body>) -> (Level, Fields) {
    let events = events(app, request).await;
    assert_eq!(events.len(), 1, "{events:?}");
    events[0].clone()
}

fn fields(pairs: &[(&'static str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn open() -> Router {
    Router::new().route("/", any(|| async {}))
}

#[tokio::test]
async fn event_of_a_challenge_has_the_host_and_the_remedy() {
    let host = Host::new();
    let app = open().layer(layer(&host));
    for (authorization, level, cause) in [
        (None, Level::DEBUG, ChallengeCause::NoCredentials),
        (Some("Basic YWxpY2U6c2VjcmV0"), Level::INFO, ChallengeCause::OtherScheme),
    ] {
        let request = authorization.into_iter().fold(request("GET", &[]), authorized);
        let expected = fields(&[
            ("code", "challenged"),
            ("host", "www.contoso.test"),
            ("remedy", &cause.remedy().for_host("www.contoso.test").to_string()),
            ("message", &cause.to_string()),
        ]);
        assert_eq!(only_event(&app, request).await, (level, expected));
    }
}

/// The validator also reports the refusal, in an event without the host.
#[tokio::test]
async fn event_of_a_client_without_a_ticket_has_the_host() {
    let host = Host::new();
    let app = open().layer(layer(&host).optional());
    let log = events(&app, authorized(request("GET", &[]), "NTLM TlRMTVNTUAABAAAA")).await;
    let [(_, refused), (Level::INFO, no_ticket)] = &log[..] else { panic!("{log:?}") };
    assert!(refused["remedy"].contains("setspn -Q HTTP/<the host in the URL>"));
    let expected = fields(&[
        ("code", "no-ticket"),
        ("answer", "ntlm"),
        ("host", "www.contoso.test"),
        ("remedy", &refused["remedy"].replace("<the host in the URL>", "www.contoso.test")),
        ("message", "the client sent another mechanism, because it has no ticket for this host"),
    ]);
    assert_eq!((refused["code"].as_str(), no_ticket), ("ntlm", &expected));
    let other = authorized(request("GET", &[]), "Negotiate !");
    assert_eq!(
        only_event(&app, other).await.1["code"],
        "not-negotiate",
        "this value does not show that the client lacks a ticket"
    );
}

#[tokio::test]
async fn event_of_a_cross_site_refusal_has_the_origin_and_the_remedy() {
    let host = Host::new();
    let app = open().layer(layer(&host));
    let evil = ("origin", "https://evil.example");
    for (field, cause) in [(("sec-fetch-site", "cross-site"), CrossSite::FetchSite), (("x", "y"), CrossSite::Origin)] {
        let request = authorized(request("POST", &[evil, field]), &host.good().header());
        let expected = fields(&[
            ("code", "cross-site"),
            ("method", "POST"),
            ("host", "www.contoso.test"),
            ("origin", "https://evil.example"),
            ("remedy", cause.remedy()),
            ("message", &cause.to_string()),
        ]);
        assert_eq!(only_event(&app, request).await, (Level::INFO, expected));
        assert!(cause.remedy().contains("with_trusted_origin"));
    }
}

#[tokio::test]
async fn event_of_a_user_who_is_not_a_member_has_the_user_and_the_groups() {
    let host = Host::new();
    let group = |rid: u32| "S-1-5-21-9-9-9".parse::<Sid>().unwrap().join(rid).unwrap();
    let guard = RequireGroupLayer::new(group(512)).or(group(1104));
    let app = open().layer(guard).layer(layer(&host));
    let token = host.good().pac(|pac| pac.groups([513])).header();
    let events = events(&app, authorized(request("GET", &[]), &token)).await;
    let [(_, signed_in), (level, refused)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((signed_in["code"].as_str(), *level), ("accepted", Level::INFO));
    let mut refused = refused.clone();
    assert!(refused.remove("remedy").unwrap().contains("add the user to the group"));
    let expected = fields(&[
        ("code", "not-member"),
        ("user", "alice"),
        ("realm", "CONTOSO.TEST"),
        ("sid", &host.realm.user_sid("alice").to_string()),
        ("group", "S-1-5-21-9-9-9-512 or S-1-5-21-9-9-9-1104"),
        ("message", "the user is not a member of the group"),
    ]);
    assert_eq!(refused, expected);
}

#[tokio::test]
async fn event_of_a_missing_layer_is_a_warning() {
    let app = open().layer(RequireGroupLayer::new("S-1-5-21-9-9-9-512".parse().unwrap()));
    let (level, fields) = only_event(&app, request("GET", &[])).await;
    assert_eq!((level, fields["code"].as_str(), fields["path"].as_str()), (Level::WARN, "layer-missing", "/"));
    assert!(fields["remedy"].contains("NegotiateLayer"));
}

/// Behind an optional layer the guard makes the challenge, so the guard also reports its cause.
#[tokio::test]
async fn challenge_of_the_group_guard_is_reported() {
    let host = Host::new();
    let guard = RequireGroupLayer::new("S-1-5-21-9-9-9-512".parse().unwrap());
    let app = open().layer(guard).layer(layer(&host).optional());
    assert_eq!(only_event(&app, request("GET", &[])).await.1["code"], "challenged");
}

#[tokio::test]
async fn challenge_and_missing_layer_of_the_extractor_are_reported() {
    let host = Host::new();
    let app = || Router::new().route("/", any(|_: kerberos_sso::Identity| async {}));
    let behind = app().layer(layer(&host).optional());
    assert_eq!(only_event(&behind, request("GET", &[])).await.1["code"], "challenged");
    assert_eq!(only_event(&app(), request("GET", &[])).await.1["code"], "layer-missing");
}

/// An `Authorization` value is a secret even without a scheme. A URL may have a password before the host.
#[tokio::test]
async fn texts_of_the_client_in_events_are_bounded_and_show_no_secret() {
    let host = Host::new();
    let app = open().layer(layer(&host));
    let long = "x".repeat(5000);
    let requests = [
        with_fields(Request::post("/"), &[("host", &long), ("origin", &long)]),
        with_fields(Request::builder().method(long.as_str()).uri("/"), &[("origin", "https://evil.example")]),
        authorized(with_fields(Request::get("http://alice:hunter2@www.contoso.test/"), &[]), "hunter2"),
        authorized(request("GET", &[]), "hunter2"),
    ];
    for request in requests {
        let (_, fields) = only_event(&app, request).await;
        for (name, value) in fields {
            assert!(value.len() < 1000, "{name}: {value}");
            assert!(!value.contains("hunter2"), "{name}: {value}");
        }
    }
}
