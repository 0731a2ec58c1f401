//! The sign-in of one browser for one authorization request, from the first page to the answer.
//!
//! The server does not store a conversation. The address of the page contains the request, encrypted with the server's
//! secret, so every node can continue the conversation. A conversation belongs to the browser that began it: the
//! browser has a cookie, and the conversation contains the value of this cookie. So a page that an attacker's browser
//! began does not work in the browser of another user (RFC 9700 section 4.7).

use super::authorization_request::AuthorizationRequest;
use crate::clock;
use crate::store::{Kind, Records, open_text, seal_text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One sign-in over several pages. Only [`Conversation::seal`] writes it as text, and only [`Conversation::open`] reads
/// this text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    tenant: String,
    browser: BrowserId,
    /// The time at which the application sent the user to this server, in seconds since 1970.
    began: i64,
    pub(crate) request: AuthorizationRequest,
}

/// The identifier of a conversation. A session stores the identifier of the conversation in which the session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConversationId([u8; 16]);

/// The value of the browser's cookie: 128 random bits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BrowserId([u8; 16]);

impl Conversation {
    pub(crate) fn new(tenant: &str, browser: &BrowserId, request: AuthorizationRequest, now: UnixTime) -> Self {
        let id = ConversationId(clock::random());
        Self { id, tenant: tenant.into(), browser: browser.clone(), began: now.seconds(), request }
    }

    /// Returns the browser to which the conversation belongs.
    pub(crate) const fn browser(&self) -> &BrowserId {
        &self.browser
    }

    pub(crate) const fn began(&self) -> UnixTime {
        UnixTime::from_seconds(self.began)
    }

    /// Returns the encrypted text form of the conversation, for the address of the page. Returns `None` if the request
    /// is too long.
    pub(crate) fn seal(&self, records: &Records) -> Option<String> {
        seal_text(records.secret(), Kind::Conversation, self).filter(|text| text.len() <= MAX_SEALED)
    }

    /// Reads the encrypted text form of a conversation. The conversation must belong to this tenant and this browser,
    /// and must have begun in the last hour.
    pub(crate) fn open(
        records: &Records,
        sealed: &str,
        tenant: &str,
        browser: Option<&BrowserId>,
        now: UnixTime,
    ) -> Result<Self, Stale> {
        let text = Some(sealed).filter(|text| text.len() <= MAX_SEALED);
        let known: Option<Self> = text.and_then(|text| open_text(records.secret(), Kind::Conversation, text));
        let known = known.filter(|one| one.tenant == tenant).ok_or(Stale::Unknown)?;
        let is_old = !(-MAX_AGE..MAX_AGE).contains(&now.seconds_since(known.began()));
        let is_of_browser = browser.is_some_and(|browser| *browser == known.browser);
        if is_old || !is_of_browser { Err(Stale::Known(Box::new(known.request))) } else { Ok(known) }
    }
}

/// The reason why a conversation cannot continue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// This server did not seal the text for this tenant.
    Unknown,
    /// The conversation belongs to another browser or is too old. Its authorization request is valid, so the server may
    /// begin a new conversation with this request.
    Known(Box<AuthorizationRequest>),
}

impl BrowserId {
    pub(crate) fn random() -> Self {
        Self(clock::random())
    }
}

/// Hides the octets: somebody who knows them could continue the conversation in another browser.
impl fmt::Debug for BrowserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserId(..)")
    }
}

impl fmt::Display for BrowserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for BrowserId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        octets.try_into().map(Self).map_err(|_| ())
    }
}

/// The longest time of a conversation, in seconds.
const MAX_AGE: i64 = 60 * 60;

/// The largest length of a conversation as encrypted text, in octets. The text is a part of an address, and proxies
/// accept addresses of 8 KiB.
const MAX_SEALED: usize = 7 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::oidc::authorization_request::{Prompt, Reply, ResponseMode};
    use crate::oidc::scopes::Scopes;
    use crate::store::Secret;
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    pub(crate) fn request() -> AuthorizationRequest {
        AuthorizationRequest {
            client_id: "app".into(),
            reply: Reply { redirect_uri: "https://app.test/c".into(), mode: ResponseMode::Query, state: None },
            scopes: Scopes::parse("openid").unwrap(),
            resource: None,
            nonce: None,
            challenge: None,
            prompt: Prompt::Default,
            max_age: None,
            login_hint: None,
            hinted_subject: None,
            prefers_proof: false,
        }
    }

    #[test]
    fn conversation_opens_within_an_hour_and_only_with_its_browser_and_its_tenant_and_its_secret() {
        let records = Records::for_tests();
        let (browser, other) = (BrowserId::random(), BrowserId::random());
        let conversation = Conversation::new("a.test", &browser, request(), NOW);
        let sealed = conversation.seal(&records).unwrap();
        let open = |records: &Records, tenant, browser, seconds| {
            Conversation::open(records, &sealed, tenant, browser, NOW.saturating_add_seconds(seconds))
        };
        let browser = browser.to_string().parse().unwrap();
        assert_eq!(open(&records, "a.test", Some(&browser), 3_599), Ok(conversation));
        let stale = Err(Stale::Known(Box::new(request())));
        assert_eq!(open(&records, "a.test", Some(&other), 0), stale);
        assert_eq!(open(&records, "a.test", None, 0), stale);
        assert_eq!(open(&records, "a.test", Some(&browser), 3_600), stale);
        assert_eq!(open(&records, "b.test", Some(&browser), 0), Err(Stale::Unknown));
        let foreign = Records::new(Arc::new(crate::store::Memory::new(|| NOW)), Secret::new([9; 32]));
        assert_eq!(open(&foreign, "a.test", Some(&browser), 0), Err(Stale::Unknown));
        for text in ["", "AQ", "!", &sealed[1..]] {
            assert_eq!(
                Conversation::open(&records, text, "a.test", Some(&browser), NOW),
                Err(Stale::Unknown),
                "{text}"
            );
        }
    }

    #[test]
    fn request_that_makes_the_address_too_long_is_not_sealed() {
        let of = |length| {
            let request = AuthorizationRequest { nonce: Some("n".repeat(length)), ..request() };
            Conversation::new("a.test", &BrowserId::random(), request, NOW).seal(&Records::for_tests()).is_some()
        };
        assert_eq!((of(4_000), of(6_000)), (true, false));
    }
}
