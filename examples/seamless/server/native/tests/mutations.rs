//! Tests of 1,000 changed bodies for each endpoint of native clients. The changes are the same in each run.

use super::*;
use crate::native::rst::RST;
use crate::native::username_token::tests::request as with_password;

const COUNT: usize = 1_000;

/// The generator xorshift64* (Vigna 2016), whose numbers are the same in each run.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % end.max(1)
    }

    /// Changes, removes, repeats, inserts or cuts off a part of a body, one to three times.
    pub(super) fn mutate(&mut self, body: &[u8]) -> Vec<u8> {
        let mut changed = body.to_vec();
        for _ in 0..=self.below(3) {
            let (from, length) = (self.below(changed.len()), 1 + self.below(40));
            let to = (from + length).min(changed.len());
            match self.below(5) {
                0 => changed[from] = u8::try_from(self.below(256)).unwrap(),
                1 => drop(changed.drain(from..to)),
                2 => {
                    let part = changed[from..to].to_vec();
                    let place = self.below(changed.len());
                    changed.splice(place..place, part);
                }
                3 => {
                    let part = PARTS[self.below(PARTS.len())].as_bytes();
                    changed.splice(from..from, part.iter().copied());
                }
                _ => changed.truncate(from.max(1)),
            }
        }
        changed
    }
}

const PARTS: [&str; 12] = [
    "<",
    ">",
    "&",
    "&#0;",
    "<!-- -->",
    "<![CDATA[",
    "<!DOCTYPE a>",
    "<?xml version='1.0'?>",
    "\u{FEFF}",
    "%00",
    "&grant_type=x",
    "\"",
];

/// Sends the changed bodies, and checks that each answer has the status 200 or 4xx. Returns the bodies whose answer has the
/// status 200.
async fn accepted(seed: u64, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
    let (mut numbers, mut accepted) = (Numbers(seed), Vec::new());
    for _ in 0..COUNT {
        let changed = numbers.mutate(body.as_bytes());
        let (status, _, answer) = send("POST", path, headers, changed.clone()).await;
        let text = String::from_utf8_lossy(&changed).into_owned();
        assert!(status == 200 || (400..500).contains(&status), "{path}: {status} {answer}\n{text}");
        if status == 200 {
            accepted.push(text);
        }
    }
    accepted
}

#[tokio::test]
async fn changed_request_for_an_assertion_without_a_ticket_is_never_accepted() {
    let path = "/contoso.test/winauth/trust/2005/windowstransport";
    assert_eq!(accepted(1, path, &[], RST).await, Vec::<String>::new());
    let refused = [("authorization", "Negotiate AAAA")];
    assert_eq!(accepted(2, path, &refused, RST).await, Vec::<String>::new());
}

#[tokio::test]
async fn changed_request_with_a_ticket_is_refused_or_gets_the_assertion_of_the_tickets_user() {
    let (mut numbers, user) = (Numbers(11), SERVER.1.user_sid("heidi").to_string());
    for _ in 0..COUNT {
        let changed = numbers.mutate(RST.as_bytes());
        let value = ticket("heidi");
        let path = "/contoso.test/winauth/trust/2005/windowstransport";
        let (status, _, answer) = send("POST", path, &[("authorization", &*value)], changed.clone()).await;
        let text = String::from_utf8_lossy(&changed).into_owned();
        match status {
            200 => assert!(answer.contains(&format!(">{user}<")), "{text}"),
            _ => assert!(status == 400 && answer.contains(">AADSTS81016: "), "{status} {answer}\n{text}"),
        }
    }
}

#[tokio::test]
async fn changed_request_with_a_password_is_parsed_or_refused() {
    let (mut numbers, mut read) = (Numbers(3), 0);
    let body = with_password("alice@contoso.test", "secret");
    for _ in 0..COUNT {
        let changed = numbers.mutate(body.as_bytes());
        let Ok(text) = String::from_utf8(changed) else { continue };
        let Ok((_, token)) = crate::native::rst::Request::parse_with_password(&text) else { continue };
        assert!(text.contains("Password>") && token.password.len() < text.len());
        read += 1;
    }
    assert!((1..COUNT).contains(&read), "{read}");
}

#[tokio::test]
async fn changed_password_request_is_refused_while_passwords_are_switched_off() {
    let path = "/contoso.test/winauth/trust/2005/usernamemixed";
    let body = with_password("alice@contoso.test", "secret");
    assert_eq!(accepted(4, path, &[], &body).await, Vec::<String>::new());
}

#[tokio::test]
async fn changed_request_about_a_domain_is_answered_or_refused() {
    let body =
        r#"{"username":"info@contoso.test","isOtherIdpSupported":true,"checkPhones":true,"originalRequest":"x"}"#;
    let accepted = accepted(5, "/common/GetCredentialType", &[], body).await;
    assert!(!accepted.is_empty());
}

/// The test changes the document before it encodes the document in base64. The server accepts a change that the signature does
/// not cover, such as a change of the certificate or of the white space between attributes. After such a change, the user
/// stays the same.
#[tokio::test]
async fn changed_assertion_is_refused_or_gives_tokens_of_the_same_user() {
    let user = SERVER.1.user_sid("grace").to_string();
    for (seed, is_whole) in [(6, true), (7, false)] {
        let (mut numbers, mut good, mut redeemed) = (Numbers(seed), document("grace", is_whole).await, 0);
        for place in 0..COUNT {
            let changed = numbers.mutate(good.as_bytes());
            if changed == good.as_bytes() {
                continue;
            }
            let path =
                ["/contoso.test/oauth2/token", "/contoso.test/oauth2/v2.0/token", "/common/oauth2/token"][place % 3];
            let (status, answer) = token_at(path, &[GRANT, CLIENT, ("assertion", &STANDARD.encode(&changed))]).await;
            let text = String::from_utf8_lossy(&changed).into_owned();
            if status == 200 {
                assert_eq!(claims(&answer["id_token"])["oid"], user, "{text}");
                (good, redeemed) = (document("grace", is_whole).await, redeemed + 1);
            } else {
                assert_eq!((status, answer.get("access_token")), (400, None), "{text}");
            }
        }
        assert!(redeemed < COUNT / 2, "{redeemed}");
        assert_eq!(token(&[GRANT, CLIENT, ("assertion", &STANDARD.encode(&good))]).await.0, 200);
    }
}

/// Returns a whole assertion, or an assertion that contains only its DesktopSsoToken.
async fn document(name: &str, is_whole: bool) -> String {
    let good = assertion(name).await;
    if is_whole {
        return good;
    }
    let token = between(&good, "<DesktopSsoToken>", "<");
    format!(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\"><DesktopSsoToken>{token}</DesktopSsoToken>\
         </saml:Assertion>"
    )
}

#[tokio::test]
async fn changed_form_at_a_token_endpoint_is_refused() {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([GRANT, CLIENT, ("assertion", "AAAA"), ("resource", "urn:api"), ("scope", "openid")])
        .finish();
    for (seed, path) in
        [(8, "/contoso.test/oauth2/token"), (9, "/contoso.test/oauth2/v2.0/token"), (10, "/common/oauth2/token")]
    {
        assert_eq!(accepted(seed, path, &[FORM], &form).await, Vec::<String>::new(), "{path}");
    }
}
