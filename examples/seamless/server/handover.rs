//! Carries a sign-in from the autologon host to a page of another origin. The autologon host gives the page a code, and
//! the page exchanges the code for a session. The code is valid once, for a minute, and only in the browser whose page
//! asked for the code.
//!
//! The browser sends the page's cookies to the page's origin only. So the page's request to the autologon host contains
//! the sealed identifier of the browser, and the code is bound to this identifier. An attacker can get a code for their
//! own account. In another user's browser, this code signs nobody in (login CSRF, RFC 9700 section 4.7).

use crate::clock;
use crate::oidc::BrowserId;
use crate::sign_in::NewSession;
use crate::store::{Key, Kind, Records, Sealer, StoreError, When, open_text, seal_text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};

/// The page that asks for a handover: the browser that shows the page, and the time at which the page was made.
#[derive(Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) browser: BrowserId,
    began: i64,
}

impl Page {
    pub(crate) fn new(browser: BrowserId, now: UnixTime) -> Self {
        Self { browser, began: now.seconds() }
    }

    /// Returns this page as sealed text, for the page's script.
    pub(crate) fn seal(&self, records: &Records) -> Option<String> {
        seal_text(records.secret(), Kind::Page, self)
    }

    /// Opens the sealed text of a page, if the page was made less than an hour ago.
    pub(crate) fn open(records: &Records, sealed: &str, now: UnixTime) -> Option<Self> {
        let page: Self = open_text(records.secret(), Kind::Page, sealed)?;
        let age = now.seconds_since(UnixTime::from_seconds(page.began));
        (-MAX_AGE..MAX_AGE).contains(&age).then_some(page)
    }
}

/// The codes and their sessions, in the store.
pub(crate) struct Handovers(Records);

#[derive(Serialize, Deserialize)]
struct Stored {
    new: NewSession,
    browser: BrowserId,
    end: i64,
}

impl Handovers {
    pub(crate) const fn new(records: Records) -> Self {
        Self(records)
    }

    /// Stores a session for a page, and returns the code by which the page gets the session.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn give(&self, new: NewSession, page: &Page, now: UnixTime) -> Result<String, StoreError> {
        let code: [u8; 32] = clock::random();
        let end = now.saturating_add_seconds(LIFETIME);
        let stored = Stored { new, browser: page.browser.clone(), end: end.seconds() };
        let key = self.key(&code);
        let sealer = Sealer::new(self.0.secret(), &code, &key);
        self.0.put_with(&sealer, &key, &stored, end, When::Absent).await?;
        Ok(URL_SAFE_NO_PAD.encode(code))
    }

    /// Returns the session of a code, if nobody has used the code before and `browser` is the browser of the page.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn take(
        &self,
        code: &str,
        browser: &BrowserId,
        now: UnixTime,
    ) -> Result<Option<NewSession>, StoreError> {
        let Ok(code) = URL_SAFE_NO_PAD.decode(code) else { return Ok(None) };
        let key = self.key(&code);
        let sealer = Sealer::new(self.0.secret(), &code, &key);
        let stored: Option<Stored> = self.0.take_with(&sealer, &key).await?;
        let is_good = |stored: &Stored| stored.end > now.seconds() && stored.browser == *browser;
        Ok(stored.filter(is_good).map(|stored| stored.new))
    }

    fn key(&self, code: &[u8]) -> Key {
        Key::new(Kind::Handover, &self.0.secret().name(&[b"handover", code]))
    }
}

/// The longest time between the making of a page and its request to the autologon host, in seconds.
const MAX_AGE: i64 = 60 * 60;

/// The lifetime of a code, in seconds.
const LIFETIME: i64 = 60;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::authenticated::Authenticated;
    use crate::session::{Method, Session, Stage};
    use crate::store::{Memory, Secret};
    use kerberos_sso::testing::TestRealm;
    use kerberos_sso::{Policy, Validator, replay::NoReplayCache};
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn new() -> NewSession {
        let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
        let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
        let accepted = validator.validate_ticket(&realm.ticket_for("alice").mint(), TestRealm::NOW).unwrap();
        let user = Authenticated::by_ticket(&accepted, Method::Kerberos);
        let session = Session::new(&"contoso.test".into(), user, None);
        NewSession { session, stage: Stage::SignedIn }
    }

    /// The store's clock stands still, so the store deletes no code. Only the check of the server ends a code.
    #[tokio::test]
    async fn code_is_valid_for_59_seconds_and_not_for_60_and_only_in_its_browser() {
        let records = Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([1; 32]));
        let (handovers, browser) = (Handovers::new(records), BrowserId::random());
        let page = Page::new(browser.clone(), NOW);
        for (of, seconds, expected) in [(&browser, 59, true), (&browser, 60, false), (&BrowserId::random(), 0, false)] {
            let code = handovers.give(new(), &page, NOW).await.unwrap();
            let taken = handovers.take(&code, of, NOW.saturating_add_seconds(seconds)).await.unwrap();
            assert_eq!(taken.is_some(), expected, "{seconds}");
            assert!(handovers.take(&code, &browser, NOW).await.unwrap().is_none(), "a second use");
        }
        for text in ["", "!", "AAAA"] {
            assert!(handovers.take(text, &browser, NOW).await.unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn sealed_page_is_opened_for_an_hour_and_only_under_its_secret() {
        let records = Records::for_tests();
        let page = Page::new(BrowserId::random(), NOW).seal(&records).unwrap();
        let open = |records, seconds| Page::open(records, &page, NOW.saturating_add_seconds(seconds)).is_some();
        assert_eq!([-3_601, -3_600, 3_599, 3_600].map(|seconds| open(&records, seconds)), [false, true, true, false]);
        let foreign = Records::new(Arc::new(Memory::new(|| NOW)), Secret::new([9; 32]));
        assert!(!open(&foreign, 0));
    }
}
