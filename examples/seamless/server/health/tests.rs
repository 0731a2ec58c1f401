//! Tests of the warnings, of the signs of a stolen key in tickets, and of what the operators' listener shows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::app::App;
use crate::connections::Connections;
use crate::forwarded::Proxies;
use crate::metrics::Metrics;
use crate::{browser, limits, operators};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Account, Key, KeySet, Policy, ServiceKey, Sid, Validator};
use serde_json::Value as Json;
use std::borrow::Borrow;
use tower::ServiceExt as _;

const NOW: UnixTime = TestRealm::NOW;

fn after(days: i64) -> UnixTime {
    NOW.saturating_add_seconds(days.saturating_mul(DAY))
}

/// Returns a key set with one key for each entry of `keys`. An entry has the type and the version of its key, and says
/// whether the key retires. A key that retires is used for one more day.
fn keys(keys: &[(EncType, u32, bool)]) -> KeySet {
    let key = |(etype, kvno, retires): &(EncType, u32, bool)| {
        let octets = vec![1; if *etype == EncType::AES256_CTS_HMAC_SHA1_96 { 32 } else { 16 }];
        let key = ServiceKey::new(Key::new(*etype, &octets).unwrap(), Some(*kvno));
        if *retires { key.with_not_after(after(1)) } else { key }
    };
    Account::new("AZUREADSSOACC$", "CONTOSO.TEST").with_keys(keys.iter().map(key)).into()
}

fn codes(warnings: impl Iterator<Item = Warning>) -> Vec<&'static str> {
    warnings.map(Warning::code).collect()
}

#[test]
fn key_of_31_days_is_old_and_a_key_of_30_days_or_of_unknown_age_is_not() {
    let keys = keys(&[(EncType::AES256_CTS_HMAC_SHA1_96, 3, false)]);
    let at = |days, newest| codes(AccountKeys::new(&keys, newest).serving_at(after(days)).warnings(after(days)));
    assert_eq!(at(30, Some(NOW)), [""; 0]);
    assert_eq!(at(31, Some(NOW)), ["key-is-old"]);
    assert_eq!(at(1000, None), [""; 0]);
}

#[test]
fn keytab_without_aes_is_weak_even_while_an_aes_key_of_an_earlier_keytab_is_in_use() {
    let (aes, rc4) = (EncType::AES256_CTS_HMAC_SHA1_96, EncType::RC4_HMAC);
    let of = |list: &[(EncType, u32, bool)]| codes(AccountKeys::new(&keys(list), None).serving_at(NOW).warnings(NOW));
    assert_eq!(of(&[(rc4, 3, false)]), ["no-aes-key"]);
    assert_eq!(of(&[(rc4, 3, false), (aes, 2, true)]), ["no-aes-key"]);
    assert_eq!(of(&[(rc4, 3, false), (aes, 3, false)]), [""; 0]);
    assert_eq!(of(&[(EncType::AES128_CTS_HMAC_SHA1_96, 3, false)]), [""; 0]);
}

#[test]
fn retired_key_is_not_listed_and_a_key_of_several_names_is_listed_once() {
    let aes = EncType::AES256_CTS_HMAC_SHA1_96;
    let held = AccountKeys::new(&keys(&[(aes, 2, true), (aes, 3, false), (aes, 3, false)]), None);
    let listed = |days| serde_json::to_value(held.clone().serving_at(after(days))).unwrap()["keys"].clone();
    assert_eq!(listed(2), serde_json::json!([{ "kvno": 3, "etype": "aes256-cts-hmac-sha1-96", "retires": null }]));
    let versions: Vec<_> = listed(1).as_array().unwrap().iter().map(|key| key["kvno"].clone()).collect();
    assert_eq!(versions, [3, 2]);
}

/// The account's realm. The keys of the account have version 3.
fn realm() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").with_kvno(3).of_active_directory()
}

/// Validates a ticket with the keys of the realm's account. Returns the labels of the signs under which the ticket is
/// counted.
fn signs(token: impl Borrow<TestToken>, administrators: &[Sid]) -> Vec<&'static str> {
    let (signs, realm) = (Signs::default(), realm());
    let keys = KeySet::from(realm.account().with_domain_sid(realm.domain_sid()));
    match Validator::new(keys, Policy::default(), NoReplayCache).validate_ticket(&token.borrow().mint(), NOW) {
        Ok(accepted) => signs.accepted("contoso.test", &accepted, administrators, NOW),
        Err(refused) => signs.refused("contoso.test", refused.error(), NOW),
    }
    Sign::ALL.iter().filter(|sign| signs.count(**sign) == 1).map(|sign| sign.label()).collect()
}

#[test]
fn ticket_under_the_newest_key_of_the_account_is_counted_under_no_sign() {
    assert_eq!(signs(realm().ticket_for("alice"), &[]), [""; 0]);
    assert_eq!(signs(realm().ticket_for("alice").kvno(None), &[]), [""; 0]);
}

#[test]
fn forged_ticket_is_counted_under_the_sign_of_its_fault() {
    let other = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[9; 32]).unwrap();
    let ticket = || realm().ticket_for("alice");
    assert_eq!(signs(ticket().kvno(2), &[]), ["forged-kvno"]);
    assert_eq!(signs(ticket().kvno(3 + 256), &[]), [""; 0], "an old keytab has only 8 bits");
    assert_eq!(signs(ticket().encrypted_in(other.clone()), &[]), ["wrong-key"]);
    assert_eq!(signs(ticket().encrypted_in(other).kvno(2), &[]), ["unknown-kvno"]);
    assert_eq!(signs(ticket().client_realm("DUMMY.LAB"), &[]), ["foreign-realm"]);
    let foreign = TestRealm::new("DUMMY.LAB").with_account("AZUREADSSOACC$").ticket_for("alice");
    assert_eq!(signs(foreign, &[]), ["foreign-realm"]);
}

#[test]
fn sign_in_is_counted_if_the_rid_or_a_group_or_the_configuration_makes_the_user_an_administrator() {
    let of_domain = |rid: u32| realm().domain_sid().join(rid).unwrap();
    let user = |rid| realm().ticket_for("alice").pac(|pac| pac.user(of_domain(rid)));
    assert_eq!(signs(user(500), &[]), ["administrator-sign-in"]);
    assert_eq!(signs(user(1105), &[]), [""; 0]);
    assert_eq!(signs(user(1105), &[of_domain(1105)]), ["administrator-sign-in"]);
    for (rid, counts) in [(512, true), (518, true), (519, true), (520, true), (513, false), (1200, false)] {
        let member = realm().ticket_for("alice").pac(|pac| pac.logon_info.groups = vec![(rid, 7)]);
        assert_eq!(signs(member, &[]).is_empty(), !counts, "{rid}");
    }
    let member = realm().ticket_for("alice").pac(|pac| pac.logon_info.groups = vec![(1200, 7)]);
    assert_eq!(signs(member, &[of_domain(1200)]), ["administrator-sign-in"]);
}

#[test]
fn client_with_an_rc4_session_key_is_counted() {
    let token = realm().ticket_for("alice").session_etype(EncType::RC4_HMAC);
    let (signs, realm) = (Signs::default(), realm());
    let validator = Validator::new(realm.key_set(), Policy::default().allow_rc4(), NoReplayCache);
    signs.accepted("contoso.test", &validator.validate_ticket(&token.mint(), NOW).unwrap(), &[], NOW);
    assert_eq!(signs.count(Sign::Rc4), 1);
}

#[test]
fn warning_with_the_count_of_a_sign_ends_a_day_after_the_last_ticket() {
    let signs = Signs::default();
    let validator = Validator::new(realm().key_set(), Policy::default(), NoReplayCache);
    for at in [NOW, after(1)] {
        let token = realm().ticket_for("alice").client_realm("DUMMY.LAB").mint();
        signs.refused("contoso.test", validator.validate_ticket(&token, NOW).unwrap_err().error(), at);
    }
    let warnings = |at| signs.warnings(at).collect::<Vec<_>>();
    assert_eq!(warnings(after(1)), [Warning::ForeignRealm { count: 2, last: after(1) }]);
    assert_eq!(warnings(after(2)), []);
}

/// Returns the text of a page on the operators' listener, after one forged ticket.
async fn shown(path: &str) -> String {
    let app = Arc::new(App::for_tests(None).await);
    let (realm, now) = (crate::tenants::test_realm().0, crate::clock::now());
    let service = "HTTP/autologon.microsoftazuread-sso.com";
    let token = realm.ticket_for("alice").service(service).at(now).kvno(77);
    let request = Request::get("/contoso.test/winauth/sso").header("host", "sso.test");
    let request = request.header("authorization", token.header()).body(Body::empty()).unwrap();
    let answer = limits::around(browser::routes(), Arc::clone(&app)).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 403);
    let routes = operators::routes(app, Connections::new(1, 1, Proxies::default(), Metrics::new()));
    let response = routes.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn operators_see_keys_and_counts_and_warnings_of_each_tenant() {
    let health: Json = serde_json::from_str(&shown("/healthz").await).unwrap();
    assert_eq!(health["status"], "warning");
    assert_eq!(
        (&health["warnings"][0]["code"], &health["warnings"][0]["tenant"]),
        (&"forged-kvno".into(), &"contoso.test".into())
    );
    let tenant = &health["tenants"][0];
    assert_eq!((&tenant["account"], &tenant["realm"]), (&"AZUREADSSOACC$".into(), &"CONTOSO.TEST".into()));
    assert_eq!((&tenant["forged_kvno"], &tenant["unknown_kvno"]), (&1.into(), &0.into()));
    assert!(tenant["keys"].as_array().unwrap().iter().any(|key| key["etype"] == "aes256-cts-hmac-sha1-96"), "{tenant}");
    let page = shown("/").await;
    assert!(page.contains("need an administrator") && page.contains("<code>forged-kvno</code>"), "{page}");
    let figures = shown("/metrics").await;
    assert!(figures.contains("seamless_signs_total{tenant=\"contoso.test\",sign=\"forged-kvno\"} 1"), "{figures}");
}
