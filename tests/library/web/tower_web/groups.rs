//! Tests of the guard for groups: only members of the group get access, wherever the server places the guard.

use super::{authorized, body, challenge, layer, request, send};
use crate::common::dialogue::Host;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Extension, Router};
use kerberos_sso::pac::GroupAttributes;
use kerberos_sso::testing::{PacParts, TestToken};
use kerberos_sso::tower::{NotSignedIn, RequireGroupLayer};
use kerberos_sso::{Sid, WellKnownGroup};
use std::sync::Arc;

fn domain(host: &Host) -> Sid {
    host.realm.user_sid("alice").domain().unwrap()
}

fn admins(host: &Host) -> Sid {
    WellKnownGroup::DomainAdmins.of_domain(domain(host)).unwrap()
}

fn app(guard: RequireGroupLayer) -> Router {
    Router::new().route("/", get(|| async { "secret" })).layer(guard)
}

/// Returns the token of a user whose PAC has this change.
fn user(host: &Host, change: impl FnOnce(&mut PacParts)) -> TestToken {
    host.good().pac(change)
}

async fn seen(app: &Router, authorization: Option<&str>) -> (u16, Option<String>, String) {
    let response = send(app, authorization.into_iter().fold(request("GET", &[]), authorized)).await;
    let challenge = challenge(&response).filter(|value| *value == "Negotiate").map(str::to_owned);
    (response.status().as_u16(), challenge, body(response).await)
}

fn refused(status: u16) -> (u16, Option<String>, String) {
    (status, None, String::new())
}

const LET_IN: (u16, Option<String>, String) = (200, None, String::new());

async fn status_of(host: &Host, group: Sid, token: &TestToken) -> u16 {
    seen(&app(RequireGroupLayer::new(group)).layer(layer(host)), Some(&token.header())).await.0
}

#[tokio::test]
async fn member_is_admitted_and_another_user_gets_403() {
    for (rids, expected) in [(&[513, 512][..], LET_IN.0), (&[513], 403), (&[], 403), (&[513, 5120], 403)] {
        let host = Host::new();
        let token = user(&host, |pac| pac.groups(rids.iter().copied()));
        assert_eq!(status_of(&host, admins(&host), &token).await, expected, "{rids:?}");
    }
}

/// The same RID in another domain is another group.
#[tokio::test]
async fn member_of_another_domains_group_gets_403() {
    let host = Host::new();
    let other = WellKnownGroup::DomainAdmins.of_domain("S-1-5-21-9-9-9".parse().unwrap()).unwrap();
    let token = user(&host, |pac| pac.groups([512]));
    assert_eq!(status_of(&host, other, &token).await, 403);
}

#[tokio::test]
async fn user_with_a_disabled_or_deny_only_membership_gets_403() {
    for attributes in [
        0,
        GroupAttributes::MANDATORY.bits(),
        (GroupAttributes::ENABLED.bits() | GroupAttributes::USE_FOR_DENY_ONLY.bits()),
    ] {
        let host = Host::new();
        let token = user(&host, |pac| pac.logon_info.groups = vec![(512, attributes)]);
        assert_eq!(status_of(&host, admins(&host), &token).await, 403, "{attributes:#x}");
    }
}

#[tokio::test]
async fn member_of_any_of_several_groups_is_admitted() {
    let host = Host::new();
    let editors = domain(&host).join(1104).unwrap();
    let guard = RequireGroupLayer::new(admins(&host)).or(editors);
    for (rids, expected) in [([512], 200), ([1104], 200), ([513], 403)] {
        let host = Host::new();
        let token = user(&host, |pac| pac.groups(rids));
        let app = app(guard.clone()).layer(layer(&host));
        assert_eq!(seen(&app, Some(&token.header())).await.0, expected, "{rids:?}");
    }
}

#[tokio::test]
async fn guard_outside_of_the_layer_refuses_every_client_with_500() {
    let host = Host::new();
    let token = user(&host, |pac| pac.groups([512])).header();
    let open = Router::new().route("/", get(|| async { "secret" }));
    let outside = open.clone().layer(layer(&host)).layer(RequireGroupLayer::new(admins(&host)));
    let alone = open.layer(RequireGroupLayer::new(admins(&host)));
    for app in [outside, alone] {
        assert_eq!(seen(&app, Some(&token)).await, refused(500));
        assert_eq!(seen(&app, None).await, refused(500));
    }
}

#[tokio::test]
async fn guard_behind_an_optional_layer_challenges_a_client_without_a_token_and_refuses_a_client_that_failed() {
    let host = Host::new();
    let app = app(RequireGroupLayer::new(admins(&host))).layer(layer(&host).optional());
    assert_eq!(seen(&app, None).await, (401, Some("Negotiate".into()), String::new()));
    assert_eq!(seen(&app, Some("Negotiate")).await, refused(403));
    let token = user(&host, |pac| pac.groups([512])).header();
    assert_eq!(seen(&app, Some(&token)).await.2, "secret");
}

#[tokio::test]
async fn guard_uses_the_identity_of_a_session() {
    let host = Host::new();
    let guarded = || app(RequireGroupLayer::new(admins(&host)));
    for (rid, status) in [(512, 200), (513, 403)] {
        let (accepted, _) = host.ends(&user(&host, |pac| pac.groups([rid])).mint(), None);
        let identity = Arc::new(accepted.identity().to_owned());
        let session = Arc::new(accepted.identity().to_session());
        assert_eq!(seen(&guarded().layer(Extension(identity)), None).await.0, status);
        assert_eq!(seen(&guarded().layer(Extension(session.clone())), None).await.0, status);
        let asked = guarded().layer(Extension(NotSignedIn::NotAsked)).layer(Extension(session));
        assert_eq!(seen(&asked, None).await.0, status);
    }
    assert_eq!(seen(&guarded().layer(Extension(NotSignedIn::NotAsked)), None).await.0, 401);
}

#[tokio::test]
async fn guard_uses_the_ticket_of_the_request_and_not_the_session() {
    let host = Host::new();
    let (admin, _) = host.ends(&user(&host, |pac| pac.groups([512])).mint(), None);
    let session = Arc::new(admin.identity().to_session());
    let app = app(RequireGroupLayer::new(admins(&host))).layer(layer(&host)).layer(Extension(session));
    let token = user(&host, |pac| pac.groups([513])).header();
    assert_eq!(seen(&app, Some(&token)).await.0, 403);
}

#[tokio::test]
async fn guard_sends_the_responses_that_the_server_set() {
    let host = Host::new();
    let guard = RequireGroupLayer::new(admins(&host))
        .with_responses(|status, request| (StatusCode::OK, format!("{status} at {}", request.uri)).into_response());
    let app = Router::new().route("/", get(|| async { "secret" })).layer(guard).layer(layer(&host));
    let (status, _, body) = seen(&app, Some(&host.good().header())).await;
    assert_eq!((status, body.as_str()), (403, "403 Forbidden at /"));
}
