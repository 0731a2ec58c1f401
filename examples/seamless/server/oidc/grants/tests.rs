#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use super::*;
use crate::oidc::user::tests::user;
use crate::store::{Memory, Secret};
use std::sync::Arc;

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);
const URI: &str = "https://app.test/c";

/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn after(seconds: i64) -> UnixTime {
    NOW.saturating_add_seconds(seconds)
}

/// Returns two nodes with one store. The store's clock stands still, so the store never removes a grant. A grant ends
/// only because a node checks its time.
fn nodes() -> [Grants; 2] {
    nodes_with_share(1_000)
}

fn nodes_with_share(most: u32) -> [Grants; 2] {
    let store = Arc::new(Memory::new(|| NOW));
    [(), ()].map(|()| Grants::new(Records::new(store.clone(), Secret::new([1; 32])), most))
}

fn grant(scopes: &str, stay_ends: Option<i64>) -> Grant {
    Grant {
        tenant: "t".into(),
        client_id: "app".into(),
        user: user(),
        scopes: Scopes::parse(scopes).unwrap(),
        resource: None,
        nonce: None,
        authenticated: 0,
        factors: Factors { first: FirstFactor::Ticket, one_time_code: false },
        stay: stay_ends.map(|seconds| Stay { name: [7; 16], end: after(seconds).seconds() }),
        app_password: None,
    }
}

fn bound() -> Bound {
    Bound { redirect_uri: URI.into(), challenge: Some(CHALLENGE.into()) }
}

const PRESENTED: Presented<'_> = Presented { client_id: "app", redirect_uri: Some(URI), verifier: Some(VERIFIER) };

async fn redeem(grants: &Grants, code: &str, seconds: i64) -> Option<Redeemed> {
    grants.redeem_code(code, "t", PRESENTED, true, after(seconds)).await.unwrap()
}

async fn begun(grants: &Grants, scopes: &str, stay_ends: Option<i64>) -> String {
    grants.begin(grant(scopes, stay_ends), bound(), NOW).await.unwrap()
}

#[tokio::test]
async fn code_is_redeemed_for_59_seconds_and_not_at_60() {
    let [grants, _] = nodes();
    for (seconds, expected) in [(59, true), (60, false)] {
        let code = begun(&grants, "openid", None).await;
        assert_eq!(redeem(&grants, &code, seconds).await.is_some(), expected, "{seconds}");
    }
}

#[tokio::test]
async fn rotated_family_ends_ten_hours_after_the_code_and_an_offline_family_after_30_days() {
    let [grants, _] = nodes();
    for (scopes, end) in [("openid", 10 * 3_600), ("openid offline_access", 30 * 24 * 3_600)] {
        for (last, expected) in [(end - 1, true), (end, false)] {
            let code = begun(&grants, scopes, None).await;
            let mut token = redeem(&grants, &code, 0).await.unwrap().refresh_token.unwrap();
            for seconds in [3_600, 7_200] {
                let rotated = grants.rotate(&token, "t", "app", after(seconds)).await.unwrap().unwrap();
                token = rotated.refresh_token.unwrap();
            }
            let found = grants.find_token(&token, "t", after(last)).await.unwrap();
            assert_eq!(found.map(|(_, at)| at), expected.then_some(after(end)), "{scopes} {last}");
            assert_eq!(grants.rotate(&token, "t", "app", after(last)).await.unwrap().is_some(), expected, "{scopes}");
        }
    }
}

#[tokio::test]
async fn grant_ends_with_the_session_in_which_it_began_unless_it_is_offline() {
    let [grants, _] = nodes();
    for (scopes, seconds, expected) in
        [("openid", 1_799, true), ("openid", 1_800, false), ("openid offline_access", 1_800, true)]
    {
        let code = begun(&grants, scopes, Some(1_800)).await;
        let redeemed = redeem(&grants, &code, 0).await.unwrap();
        assert_eq!(
            grants.find(redeemed.id, "t", after(seconds)).await.unwrap().is_some(),
            expected,
            "{scopes} {seconds}"
        );
        let token = redeemed.refresh_token.unwrap();
        assert_eq!(grants.rotate(&token, "t", "app", after(seconds)).await.unwrap().is_some(), expected, "{scopes}");
    }
}

#[tokio::test]
async fn grant_without_refresh_tokens_ends_when_its_access_token_expires() {
    let [grants, _] = nodes();
    let code = begun(&grants, "openid", None).await;
    let redeemed = grants.redeem_code(&code, "t", PRESENTED, false, NOW).await.unwrap().unwrap();
    assert_eq!(redeemed.refresh_token, None);
    for (seconds, expected) in [(3_599, true), (3_600, false)] {
        assert_eq!(grants.find(redeemed.id, "t", after(seconds)).await.unwrap().is_some(), expected, "{seconds}");
    }
    assert_eq!(grants.find(redeemed.id, "other", NOW).await.unwrap(), None);
}

#[tokio::test]
async fn refresh_token_at_two_nodes_at_once_is_rotated_once_and_its_second_use_ends_the_family() {
    let [a, b] = nodes();
    let code = begun(&a, "openid", None).await;
    let token = redeem(&b, &code, 0).await.unwrap().refresh_token.unwrap();
    let (at_a, at_b) = tokio::join!(a.rotate(&token, "t", "app", NOW), b.rotate(&token, "t", "app", NOW));
    let rotated: Vec<_> = [at_a, at_b].into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(rotated.len(), 1);
    let next = rotated.into_iter().next().unwrap().refresh_token.unwrap();
    assert_eq!(a.rotate(&next, "t", "app", NOW).await, Ok(None), "the family has ended");
}

/// The store divides the limit of a tenant among 16 parts.
#[tokio::test]
async fn grant_beyond_the_tenants_limit_gets_no_refresh_token_and_older_tokens_are_still_rotated() {
    // With the limit 16, each of the 16 parts has room for one family of refresh tokens.
    let [a, b] = nodes_with_share(16);
    let mut tokens = Vec::new();
    for number in 0..200 {
        let (one, other) = if number % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let code = begun(one, "openid", None).await;
        tokens.extend(redeem(other, &code, 1).await.unwrap().refresh_token);
    }
    assert_eq!(tokens.len(), 16);
    for token in tokens {
        assert!(a.rotate(&token, "t", "app", after(2)).await.unwrap().unwrap().refresh_token.is_some());
    }
}

/// An access token shows the identifier of its grant. Nobody can make a refresh token from this identifier, and so end
/// the grant.
#[tokio::test]
async fn text_that_the_server_did_not_write_does_not_end_the_grant() {
    let [grants, _] = nodes();
    let code = begun(&grants, "openid", None).await;
    let redeemed = redeem(&grants, &code, 0).await.unwrap();
    let token = redeemed.refresh_token.unwrap();
    let access = grants.token_id(redeemed.id);
    assert!(grants.of_token_id(&access).is_some() && grants.of_token_id(&token).is_none());
    let octets = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for at in 0..octets.len() {
        let mut changed = octets.clone();
        if let Some(octet) = changed.get_mut(at) {
            *octet ^= 1;
        }
        assert_eq!(grants.rotate(&URL_SAFE_NO_PAD.encode(changed), "t", "app", NOW).await, Ok(None), "octet {at}");
    }
    for text in [&*access, "", &token[1..], &format!("{token}A")] {
        assert_eq!(grants.rotate(text, "t", "app", NOW).await, Ok(None), "{text}");
    }
    assert!(grants.rotate(&token, "t", "app", NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn verifier_has_43_to_128_unreserved_characters() {
    for (length, expected) in [(42, false), (43, true), (128, true), (129, false)] {
        assert_eq!(is_verifier(&"a".repeat(length)), expected, "{length}");
    }
    for letter in ["-", ".", "_", "~", "Z", "9"] {
        assert!(is_verifier(&letter.repeat(43)), "{letter}");
    }
    for letter in ["+", "/", "=", " ", "é"] {
        assert!(!is_verifier(&format!("{}{letter}", "a".repeat(43))), "{letter}");
    }
}
