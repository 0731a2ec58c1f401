//! Tests of the store of app passwords. Each test chooses the time.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::authenticated::Authenticated;
use crate::oidc::Clients;
use crate::replay::Replays;
use crate::session::Method;
use crate::tenants::Tenants;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;

const DAY: i64 = 86_400;

struct Store {
    passwords: AppPasswords,
    tenant: Tenant,
    lockout: Lockout,
    session: Session,
    now: UnixTime,
}

impl Store {
    async fn new() -> Self {
        let (records, now) = (Records::for_tests(), crate::clock::now());
        let tenants = Tenants::of_test_realm(&Replays::for_tests(), &records, Clients::default()).await.unwrap();
        let tenant = tenants.test_tenant().unwrap();
        let [service, ..] = SEAMLESS_SSO_SERVICES;
        let token = tenant.test_realm.as_ref().unwrap().ticket_for("alice").service(service).at(now);
        let accepted = tenant.validator().validate_ticket_async(&token.mint(), now).await.unwrap();
        let user = Authenticated::by_ticket(&accepted, Method::TestTicket);
        let session = Session::new(&tenant.name, user, None);
        let (passwords, lockout) = (AppPasswords::new(records.clone()), Lockout::new(records, 50));
        Self { passwords, tenant, lockout, session, now }
    }

    fn sid(&self) -> Sid {
        self.session.identity.sid.unwrap()
    }

    async fn make(&self, config: &Config, name: &str) -> AppPassword {
        let made = self.passwords.make(config, &self.session, self.sid(), name, self.now).await.unwrap().unwrap();
        AppPassword::parse(self.passwords.0.secret(), &made).unwrap()
    }

    async fn sign_in(&self, config: &Config, password: &AppPassword, seconds: i64) -> Result<User, &'static str> {
        let user = UserName::parse("alice@contoso.test").unwrap();
        let (presented, now) =
            (Presented { user: &user, password, address: None }, self.now.saturating_add_seconds(seconds));
        let signed_in = self.passwords.sign_in(&self.lockout, &self.tenant, config, presented, now).await;
        signed_in.map(|signed_in| signed_in.user).map_err(|refusal| refusal.code())
    }
}

fn days(days: u16) -> Config {
    serde_json::from_str(&format!(r#"{{"days": {days}}}"#)).unwrap()
}

#[tokio::test]
async fn app_password_ends_after_the_days_in_the_current_configuration() {
    let store = Store::new().await;
    let password = store.make(&days(90), "Mail").await;
    assert_eq!(store.sign_in(&days(90), &password, 90 * DAY - 1).await.unwrap().upn, "alice@contoso.test");
    assert_eq!(store.sign_in(&days(90), &password, 90 * DAY).await, Err("unknown"));
    assert!(store.sign_in(&days(30), &password, 30 * DAY - 1).await.is_ok());
    assert_eq!(store.sign_in(&days(30), &password, 30 * DAY).await, Err("unknown"));
    let later = store.now.saturating_add_seconds(90 * DAY);
    assert!(store.passwords.of_user("contoso.test", store.sid(), later).await.unwrap().is_empty());
}

#[tokio::test]
async fn use_of_an_app_password_is_noted_at_most_once_an_hour() {
    let store = Store::new().await;
    let password = store.make(&days(90), "Mail").await;
    let mut used = Vec::new();
    for seconds in [0, 3_599, 3_600] {
        store.sign_in(&days(90), &password, seconds).await.unwrap();
        let listed = store.passwords.of_user("contoso.test", store.sid(), store.now).await.unwrap();
        used.push(listed.first().unwrap().used.unwrap().saturating_sub(store.now.seconds()));
    }
    assert_eq!(used, [0, 0, 3_600]);
}

/// A store that loses its last writes in a failover may bring back the entry of a revoked app password.
#[tokio::test]
async fn revoked_app_password_stays_refused_if_its_entry_comes_back() {
    let store = Store::new().await;
    let password = store.make(&days(90), "Mail").await;
    let records = &store.passwords.0;
    let locator = password.locator(records.secret(), "contoso.test");
    let entry: Option<Stored> = records.get(&key(&locator)).await.unwrap();
    let revoked = store.passwords.revoke("contoso.test", store.sid(), &locator, store.now).await.unwrap();
    assert_eq!(revoked.as_deref(), Some("Mail"));
    let end = store.now.saturating_add_seconds(DAY);
    records.put(&key(&locator), &entry.unwrap(), end, When::Absent).await.unwrap();
    assert_eq!(store.sign_in(&days(90), &password, 1).await, Err("unknown"));
    assert!(!AppPasswords::goes_on(records, &locator).await.unwrap());
}
