//! Tests of the hook for challenges, which gets the cause of each challenge.

use super::{authorized, challenge, layer, request, send};
use crate::common::dialogue::Host;
use axum::Router;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::routing::get;
use kerberos_sso::http::SealingKey;
use kerberos_sso::testing::MechToken;
use kerberos_sso::tower::{ChallengeCause, ConnectionNegotiation, NegotiateLayer};
use std::sync::{Arc, Mutex};

type Causes = Arc<Mutex<Vec<ChallengeCause>>>;

fn watched(layer: NegotiateLayer) -> (Router, Causes) {
    let causes = Causes::default();
    let log = Arc::clone(&causes);
    let layer = layer.on_challenged(move |cause, request| {
        assert_eq!(request.uri, "/");
        log.lock().unwrap().push(*cause);
    });
    (Router::new().route("/", get(|| async {})).layer(layer), causes)
}

#[tokio::test]
async fn challenge_hook_is_called_for_each_challenge_and_for_no_other_response() {
    let host = Host::new();
    let (app, causes) = watched(layer(&host));
    let good = host.good().header();
    for authorization in ["Basic eA==", "Bearer x", "Negotiate", "NTLM TlRMTVNTUAABAAAA", &good, &good] {
        send(&app, authorized(request("GET", &[]), authorization)).await;
    }
    send(&app, request("GET", &[])).await;
    send(&app, request("POST", &[("origin", "null")])).await;
    let other = ChallengeCause::OtherScheme;
    assert_eq!(*causes.lock().unwrap(), [other, other, ChallengeCause::NoCredentials]);
}

#[tokio::test]
async fn optional_layer_calls_no_challenge_hook() {
    let host = Host::new();
    let (app, causes) = watched(layer(&host).optional());
    send(&app, request("GET", &[])).await;
    assert!(causes.lock().unwrap().is_empty());
}

/// The server asked the client for its next token, and the client sends a request without a token.
#[tokio::test]
async fn challenge_after_an_abandoned_negotiation_has_the_cause_abandoned() {
    let host = Host::new();
    let offer = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).header();

    let (app, causes) = watched(layer(&host).with_continuation_cookie(SealingKey::new([7; 32]), "negotiate"));
    let asked = send(&app, authorized(request("GET", &[]), &offer)).await;
    let cookie = asked.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    for cookie in [cookie.as_str(), "negotiate=AAAA"] {
        let again = send(&app, request("GET", &[(COOKIE.as_str(), cookie)])).await;
        assert_eq!(challenge(&again), Some("Negotiate"));
    }
    let (abandoned, none) = (ChallengeCause::NegotiationAbandoned, ChallengeCause::NoCredentials);
    assert_eq!(*causes.lock().unwrap(), [abandoned, none], "a cookie that does not open is no sign of a negotiation");

    let (app, causes) = watched(layer(&host));
    let connection = ConnectionNegotiation::new();
    for authorization in [Some(offer.as_str()), None, None] {
        let mut request = authorization.into_iter().fold(request("GET", &[]), authorized);
        request.extensions_mut().insert(connection.clone());
        send(&app, request).await;
    }
    assert_eq!(*causes.lock().unwrap(), [abandoned, none]);
}

#[test]
fn each_challenge_cause_has_a_sentence_and_a_remedy() {
    let causes = [ChallengeCause::NoCredentials, ChallengeCause::OtherScheme, ChallengeCause::NegotiationAbandoned];
    for cause in causes {
        assert!(cause.to_string().starts_with("the client is challenged: "));
        assert!(cause.remedy().to_string().ends_with('.'));
    }
    let remedy = ChallengeCause::NoCredentials.remedy();
    assert!(remedy.to_string().contains("setspn -Q HTTP/<the host in the URL>"));
    assert!(remedy.for_host("web.contoso.test").to_string().contains("klist get HTTP/web.contoso.test"));
}
