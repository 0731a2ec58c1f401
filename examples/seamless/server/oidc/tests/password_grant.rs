//! Tests of the password grant with the directory's password. The KDC of these tests always answers with one error.
//! `tests/live/seamless_mail.py` tests right passwords with a real directory.

use super::*;
use crate::lockout::Lockout;
use crate::native::tests::username_mixed::kdc;
use tokio::time::Instant;

/// Returns the registration of a mail server that sends the IP address of its user in a header. `more` are further
/// fields of the registration.
pub(super) fn mail(more: &str) -> String {
    format!(
        r#"{{"id": "mail", "secret_sha256": "31553f884066df5473b978aeda37fb98394899ba77ac597daab1930114994491",
            "grants": ["password", "refresh_token"], "resources": ["urn:mail"], {more}
            "user_address_header": "X-Dovecot-Auth-Remote"}}"#
    )
}

pub(super) const ADDRESS: &str = "x-dovecot-auth-remote";

/// Sends a user's password to a token endpoint, as a mail server whose user is at the address `from`.
pub(super) async fn grant(server: &Server, version: &str, name: &str, password: &str, from: &str) -> (u16, Value) {
    let fields = [
        ("grant_type", "password"),
        ("client_id", "mail"),
        ("client_secret", APP_SECRET),
        ("username", name),
        ("password", password),
    ];
    let path = format!("/contoso.test/oauth2{version}/token");
    let answer = server.send("POST", &path, &[FORM, (ADDRESS, from)], &encoded(fields)).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

pub(super) async fn asking(kdc: &str, change: impl FnOnce(&mut App)) -> Server {
    Server::new(|app| {
        app.tenants.register(&mail(""));
        app.tenants.take_username_tokens(kdc);
        change(app);
    })
    .await
}

#[tokio::test]
async fn client_without_the_grant_is_refused_and_the_metadata_name_the_grant_only_if_a_client_has_it() {
    let fields = [("grant_type", "password"), ("username", "alice"), ("password", "x")];
    let metadata = "/contoso.test/.well-known/openid-configuration";
    let server = Server::new(|_| {}).await;
    assert_eq!(server.token(&fields).await.1["error"], "unsupported_grant_type");
    assert!(!server.send("GET", metadata, &[], "").await.body.contains("\"password\""));
    let server = asking("127.0.0.1:1", |_| {}).await;
    assert_eq!(server.token(&fields).await.1["error"], "unauthorized_client");
    assert!(server.send("GET", metadata, &[], "").await.body.contains("\"password\""));
    let without = [("grant_type", "password"), ("client_id", "mail"), ("username", "alice"), ("password", "x")];
    let answer = server.send("POST", "/contoso.test/oauth2/token", &[FORM], &encoded(without)).await;
    assert!(answer.status == 401 && answer.body.contains("invalid_client"), "{}", answer.body);
    for absent in ["username", "password"] {
        let with = [("username", "alice"), ("password", "x"), ("grant_type", "password")];
        let with: Vec<_> = with.into_iter().filter(|(name, _)| *name != absent).collect();
        assert_eq!(server.token_of("mail", Some(APP_SECRET), &with).await.1["error"], "invalid_request", "{absent}");
    }
}

/// The KDC's errors are: an unknown user (6), a wrong password (24), an account that is locked or expired (18), and an
/// expired password (23).
#[tokio::test(start_paused = true)]
async fn every_refusal_of_a_password_has_the_same_answer_after_the_same_time() {
    for code in [6, 24, 18, 23] {
        let kdc = kdc(code).await;
        let server = asking(&kdc, |_| {}).await;
        server.app.tenants.test_tenant().unwrap().signing.keys(clock::now()).await.unwrap();
        let began = Instant::now();
        let (status, error) = grant(&server, "", "alice@contoso.test", "guess", "192.0.2.1:1").await;
        assert_eq!((status, began.elapsed().as_secs()), (400, 3), "{code}");
        let text = "the name or the password is not right, or this sign-in needs more than this password";
        assert_eq!(error, serde_json::json!({ "error": "invalid_grant", "error_description": text }), "{code}");
    }
    for name in ["@", "alice@b.test"] {
        let server = asking("127.0.0.1:1", |app| app.tenants.add("b.test", "B.TEST", &app.records)).await;
        let began = Instant::now();
        let (status, error) = grant(&server, "", name, "guess", "").await;
        assert_eq!((status, &error["error"], began.elapsed().as_secs()), (400, &"invalid_grant".into(), 3), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn directory_that_cannot_be_reached_gives_503_in_place_of_invalid_grant() {
    let server = asking("127.0.0.1:1", |_| {}).await;
    for version in ["", "/v2.0"] {
        let (status, error) = grant(&server, version, "alice@contoso.test", "x", "192.0.2.1").await;
        assert_eq!((status, &error["error"]), (503, &"temporarily_unavailable".into()), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn tenth_wrong_password_locks_the_name_on_the_page_too_and_version_2_answers_with_numbers() {
    let kdc = kdc(24).await;
    let server = asking(&kdc, |_| {}).await;
    for _ in 0..10 {
        let (status, error) = grant(&server, "/v2.0", "alice@contoso.test", "guess", "").await;
        assert_eq!((status, &error["error_codes"][0]), (400, &50_126.into()), "{error}");
    }
    let (_, locked) = grant(&server, "/v2.0", "alice@contoso.test", "guess", "").await;
    assert_eq!((&locked["error"], &locked["error_codes"][0]), (&"invalid_grant".into(), &50_053.into()));
    assert_eq!(grant(&server, "", "alice@contoso.test", "guess", "").await.1.get("error_codes"), None);
    let page = server.send("POST", "/contoso.test/password", &[FORM], "name=alice&password=guess").await;
    assert!(page.status == 429 && page.body.contains("for this name"), "{}", page.body);
}

/// The requests for all users come from the mail server's address, so the lockout counts only the address in the
/// header.
#[tokio::test(start_paused = true)]
async fn wrong_passwords_lock_the_address_in_the_header_and_no_address_without_the_header() {
    let kdc = kdc(24).await;
    let few = |app: &mut App| app.lockout = Lockout::new(app.records.clone(), 3).into();
    let server = asking(&kdc, few).await;
    let number = async |name: &str, from: &str| {
        let (_, error) = grant(&server, "/v2.0", name, "guess", from).await;
        error["error_codes"][0].as_u64().unwrap()
    };
    for name in ["a", "b", "c"] {
        assert_eq!(number(name, "192.0.2.1:50000").await, 50_126);
    }
    assert_eq!(number("d", "192.0.2.1:50001").await, 50_053);
    assert_eq!(number("d", "192.0.2.2:50001").await, 50_126);
    for name in ["e", "f", "g", "h"] {
        assert_eq!(number(name, "").await, 50_126, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_count_refusals_of_the_password_grant_by_reason() {
    let kdc = kdc(24).await;
    let server = asking(&kdc, |_| {}).await;
    grant(&server, "", "alice@contoso.test", "guess", "").await;
    let connections = crate::connections::Connections::new(
        1,
        1,
        crate::forwarded::Proxies::default(),
        Arc::clone(&server.app.metrics),
    );
    let text = server.app.metrics.text(&server.app, &connections).unwrap();
    let line = "seamless_sign_ins_total{method=\"password-grant\",code=\"wrong-password\"} 1";
    assert!(text.lines().any(|one| one == line), "{text}");
}
