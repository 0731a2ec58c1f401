//! Tests of `usernamemixed`. The KDC of a test answers each request with the same error, like a KDC that refuses a user.

use super::*;
use crate::native::username_token::tests::request as with_password;
use rasn_kerberos::{KerberosString, KerberosTime, KrbError, PrincipalName};
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

const PATH: &str = "/contoso.test/winauth/trust/2005/usernamemixed";

fn krb_error(code: i32) -> Vec<u8> {
    let text = |text: &str| KerberosString::try_from(text.as_bytes().to_vec()).unwrap();
    rasn::der::encode(&KrbError {
        pvno: 5.into(),
        msg_type: 30.into(),
        ctime: None,
        cusec: None,
        stime: KerberosTime("2026-11-22T00:00:00Z".parse().unwrap()),
        susec: 0.into(),
        error_code: code,
        crealm: None,
        cname: None,
        realm: text("CONTOSO.TEST"),
        sname: PrincipalName { r#type: 2, string: vec![text("krbtgt"), text("CONTOSO.TEST")] },
        e_text: None,
        e_data: None,
    })
    .unwrap()
}

/// Starts a KDC that answers each request with a KRB-ERROR, and returns its address.
pub(crate) async fn kdc(code: i32) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let size = stream.read_u32().await.unwrap();
            let mut request = vec![0; usize::try_from(size).unwrap()];
            stream.read_exact(&mut request).await.unwrap();
            let reply = krb_error(code);
            stream.write_u32(u32::try_from(reply.len()).unwrap()).await.unwrap();
            stream.write_all(&reply).await.unwrap();
        }
    });
    address
}

struct Server(Router, Arc<App>);

impl Server {
    async fn new(change: impl FnOnce(&mut App)) -> Self {
        let mut app = App::for_tests(None).await;
        change(&mut app);
        let app = Arc::new(app);
        Self(limits::around(routes().merge(oidc::routes()), Arc::clone(&app)), app)
    }

    /// Sends a request, and returns the status, the challenge and the body of the response.
    async fn ask(&self, path: &str, body: &str) -> (u16, String, String) {
        let request = Request::post(path).header("host", "sso.test").body(Body::from(body.to_owned())).unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        let (status, body) = (response.status().as_u16(), to_bytes(response.into_body(), 1 << 20).await.unwrap());
        (status, challenge.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn password_gets_a_fault_with_the_reason_while_the_tenant_has_passwords_switched_off() {
    let server = Server::new(|_| {}).await;
    let (status, _, fault) = server.ask(PATH, &with_password("alice@contoso.test", "right")).await;
    let text = "AADSTS81007: Passwords by usernamemixed are switched off for this tenant.";
    assert!(status == 403 && fault.contains(text), "{fault}");
    let mex = send("GET", "/contoso.test/winauth/trust/mex", &[], "").await.2;
    assert!(!mex.contains("usernamemixed") && mex.contains("/winauth/trust/2005/windowstransport<"), "{mex}");
}

/// Error 6 means an unknown user, and error 24 means a wrong password. Error 18 means that the account is locked,
/// disabled or expired, and error 23 means that the password has expired. The KDC sends errors 18 and 23 even if the
/// client has not proved the password.
#[tokio::test(start_paused = true)]
async fn unknown_user_and_wrong_password_get_the_same_answer_after_the_same_time() {
    let mut answers = Vec::new();
    for code in [6, 24, 18, 23] {
        let kdc = kdc(code).await;
        let server = Server::new(|app| app.tenants.take_username_tokens(&kdc)).await;
        let began = Instant::now();
        let (status, challenge, fault) = server.ask(PATH, &with_password("alice@contoso.test", "guess")).await;
        assert_eq!((status, challenge.starts_with("WSSE ")), (401, true), "{code}");
        assert_eq!(began.elapsed().as_secs(), 3, "{code}");
        let time = between(&fault, "ServerTime=\"", "\"").to_owned();
        answers.push(fault.replace(&time, "TIME"));
    }
    assert!(answers[0].contains(">AADSTS50126: Error validating credentials due to invalid username or password.<"));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

/// The KDC refuses each password. After ten passwords, the server itself refuses further passwords.
#[tokio::test(start_paused = true)]
async fn thousand_changed_bodies_get_no_assertion() {
    let kdc = kdc(24).await;
    let server = Server::new(|app| app.tenants.take_username_tokens(&kdc)).await;
    let mut numbers = super::mutations::Numbers::new(12);
    for _ in 0..1_000 {
        let changed = numbers.mutate(with_password("alice@contoso.test", "guess").as_bytes());
        let Ok(text) = String::from_utf8(changed) else { continue };
        let (status, _, fault) = server.ask(PATH, &text).await;
        assert!(matches!(status, 400 | 401), "{status} {fault}\n{text}");
        assert!(fault.contains(">AADSTS"), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_at_usernamemixed_also_lock_the_name_on_the_page_for_each_error_of_the_kdc() {
    for code in [6, 24, 18] {
        let kdc = kdc(code).await;
        let server = Server::new(|app| app.tenants.take_username_tokens(&kdc)).await;
        let body = with_password("alice@contoso.test", "guess");
        for _ in 0..10 {
            assert!(server.ask(PATH, &body).await.2.contains(">AADSTS50126: "), "{code}");
        }
        assert!(server.ask(PATH, &body).await.2.contains(">AADSTS50053: "), "{code}");
        let user = crate::user_name::UserName::parse("alice").unwrap();
        let locked = server.1.lockout.begin("contoso.test", &user, None, clock::now()).await;
        assert!(locked.is_err(), "the page and usernamemixed share the counter of a name");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_name_or_empty_password_or_federated_domain_or_malformed_request_gets_a_fault() {
    let change = |app: &mut App| {
        app.tenants.take_username_tokens("127.0.0.1:1");
        app.tenants.federate("partner.test", &partner());
    };
    let server = Server::new(change).await;
    for (path, body, status, code) in [
        (PATH, with_password("", "x"), 401, "50126"),
        (PATH, with_password("alice@contoso.test", ""), 401, "50126"),
        (PATH, with_password("alice@contoso.test", "x"), 503, "90033"),
        (PATH, with_password("alice@partner.test", "x"), 403, "81007"),
        ("/partner.test/winauth/trust/2005/usernamemixed", with_password("alice@contoso.test", "x"), 403, "81007"),
        (PATH, crate::native::rst::RST.to_owned(), 400, "81016"),
        (PATH, String::new(), 400, "81016"),
    ] {
        let (found, _, fault) = server.ask(path, &body).await;
        assert_eq!((found, between(&fault, ">AADSTS", ":")), (status, code), "{fault}");
    }
    let golden = include_str!("../golden/mex-with-passwords.xml");
    let mex = server.0.clone().oneshot(
        Request::get("/contoso.test/winauth/trust/mex").header("host", "sso.test").body(Body::empty()).unwrap(),
    );
    let mex = to_bytes(mex.await.unwrap().into_body(), 1 << 20).await.unwrap();
    let mex = String::from_utf8(mex.to_vec()).unwrap();
    assert_eq!(mex.trim_end(), golden.trim_end());
}

#[tokio::test(start_paused = true)]
async fn password_for_a_federated_domain_is_checked_if_its_service_is_this_server() {
    let kdc = kdc(24).await;
    let service = Federation { active_auth_url: format!("http://sso.test{PATH}"), ..partner() };
    let change = |app: &mut App| {
        app.tenants.take_username_tokens(&kdc);
        app.tenants.federate("partner.test", &service);
    };
    let server = Server::new(change).await;
    let (status, _, fault) = server.ask(PATH, &with_password("alice@partner.test", "guess")).await;
    assert!(status == 401 && fault.contains(">AADSTS50126: "), "{fault}");
}
