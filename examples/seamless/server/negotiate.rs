//! Decides on the `Authorization` header of a request to a tenant, writes one line into the log, and makes the headers
//! of the response. The server decides in the same way on requests of browsers and of native clients.

use crate::app::App;
use crate::client::Client;
use crate::clock;
use crate::cookies::Cookie;
use crate::key_ring::{Plan, RingKey};
use crate::metrics::{Metrics, SignInMethod};
use crate::principal;
use crate::store::{Key, Kind, Sealer, When};
use crate::tenants::Tenant;
use axum::http::header::{AUTHORIZATION, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::http::{SealingKey, SignInStep};
use kerberos_sso::limits::MAX_SEALED_SECONDS;
use kerberos_sso::negotiate::{Negotiation, RoundTrips};
use kerberos_sso::{Arrival, Refused, UnixTime};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the state of a negotiation is until the client's next message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StateIn<'a> {
    /// The client keeps the sealed state in a cookie.
    Cookie,
    /// The store has the state for the page with this sealed text ([`crate::handover::Page`]). Each request of the page
    /// has this text. The page has another origin, so the browser may block a cookie of this host.
    Store(&'a str),
}

/// Decides on the `Authorization` values of a request. If the request continues a negotiation, this function takes the
/// state of the negotiation from `state`.
pub(crate) async fn decide(
    app: &App,
    tenant: &Tenant,
    client: &Client,
    method: SignInMethod,
    headers: &HeaderMap,
    state: StateIn<'_>,
) -> SignInStep {
    let now = clock::now();
    let sealed = match state {
        StateIn::Cookie => app.cookies.find(headers, Cookie::Continuation).map(Into::into),
        // The first request of a page has no `Authorization`, so the store has no state of this page yet.
        StateIn::Store(page) if headers.contains_key(AUTHORIZATION) => stored(app, page).await,
        StateIn::Store(_) => None,
    };
    let kept = match sealed {
        Some(sealed) => open(app, &sealed, now).await,
        None => None,
    };
    let values = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let arrival = Arrival::at(now).with_channel_bindings(&client.bindings);
    let step =
        tenant.validator().sign_in_async(values, RoundTrips::Many(kept.as_ref()), &clock::randomness(), arrival).await;
    count(&app.metrics, tenant, method, &step);
    if let SignInStep::FallBack(refused) = &step {
        tenant.count_refused(refused, headers.get(AUTHORIZATION).map(HeaderValue::as_bytes));
    }
    log(tenant, &step, client);
    step
}

/// Takes the state of a page's negotiation out of the store.
async fn stored(app: &App, page: &str) -> Option<String> {
    let key = entry(app, page);
    let by_page = Sealer::new(app.records.secret(), page.as_bytes(), &key);
    let taken = app.records.take_with(&by_page, &key).await;
    taken.inspect_err(|error| tracing::warn!("the state of a negotiation is lost: {error}")).ok().flatten()
}

fn entry(app: &App, page: &str) -> Key {
    Key::new(Kind::Continuation, &app.records.secret().name(&[b"continuation", page.as_bytes()]))
}

/// Returns the `WWW-Authenticate` header, and the cookie with the state of a negotiation that continues. With
/// [`StateIn::Store`], writes the state to the store instead.
pub(crate) async fn headers(app: &App, step: &SignInStep, state: StateIn<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(value) = step.www_authenticate().and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let SignInStep::Continue(next) = step {
        let now = clock::now();
        // Without keys or without the store, the state is lost, and the negotiation fails.
        let keys = app.sealing.keys(now).await.ok();
        let key = keys.as_ref().and_then(|keys| keys.current(now));
        let sealed = key.and_then(|key| key.0.seal(next.negotiation(), &clock::randomness(), now));
        match (sealed, state) {
            (Some(sealed), StateIn::Cookie) => {
                let cookie = app.cookies.set(Cookie::Continuation, &sealed, CONTINUATION_TIME);
                headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
            }
            (Some(sealed), StateIn::Store(page)) => {
                let seconds = i64::try_from(MAX_SEALED_SECONDS).unwrap_or(i64::MAX);
                let (key, end) = (entry(app, page), now.saturating_add_seconds(seconds));
                let by_page = Sealer::new(app.records.secret(), page.as_bytes(), &key);
                if let Err(error) = app.records.put_with(&by_page, &key, &sealed, end, When::Always).await {
                    tracing::warn!("the state of a negotiation is lost: {error}");
                }
            }
            (None, _) => {}
        }
    }
    headers
}

/// Opens the state of a negotiation. Any node may have sealed the state, with the current key or with the previous key.
async fn open(app: &App, sealed: &str, now: UnixTime) -> Option<Negotiation> {
    let keys = app.sealing.keys(now).await.ok()?;
    keys.all(now).find_map(|key| key.0.open(sealed, now))
}

/// A key that seals the state of negotiations. All nodes have the same keys, and replace them each day.
pub(crate) struct ContinuationKey(SealingKey);

impl RingKey for ContinuationKey {
    const NAME: &'static str = "continuation";
    const PLAN: Plan = Plan { period: 24 * 60 * 60, ahead: 10 * 60, overlap: 10 * 60 };

    fn make() -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(Zeroizing::new(clock::random::<32>())))
    }

    fn read(text: &str) -> Option<Self> {
        let octets = Zeroizing::new(STANDARD.decode(text).ok()?);
        octets.as_slice().try_into().ok().map(SealingKey::new).map(Self)
    }
}

fn count(metrics: &Metrics, tenant: &Tenant, method: SignInMethod, step: &SignInStep) {
    let code = match step {
        SignInStep::Challenge => "challenged",
        SignInStep::Continue(_) => "continued",
        SignInStep::SignedIn(signed_in) => {
            metrics.accepted(&tenant.name, signed_in.accepted());
            tenant.count_accepted(signed_in.accepted());
            "accepted"
        }
        SignInStep::FallBack(refused) => refused.code(),
    };
    metrics.signed_in(method, code);
}

fn log(tenant: &Tenant, step: &SignInStep, client: &Client) {
    let tenant = &*tenant.name;
    match step {
        SignInStep::Challenge => {
            tracing::info!(
                tenant,
                "challenged: a browser that sends no further request has no ticket for this address"
            );
        }
        SignInStep::Continue(_) => tracing::info!(tenant, "told to send the ticket"),
        SignInStep::SignedIn(signed_in) => {
            let user = principal::with_sid(&signed_in.identity().to_session());
            tracing::info!(tenant, %user, "signed in by Kerberos");
        }
        SignInStep::FallBack(refused) => log_refusal(tenant, refused, client),
    }
}

/// Logs why the sign-in failed and how to fix the cause. The remedy names the host in the client's URL without the port,
/// because the client asked for a ticket for this host.
fn log_refusal(tenant: &str, refused: &Refused, client: &Client) {
    let remedy = refused.remedy().unwrap_or_default();
    let remedy = client.host().map_or(remedy, |host| remedy.for_host(host)).to_string();
    tracing::warn!(
        tenant,
        code = refused.code(),
        look_at = %refused.blame(),
        remedy,
        "no sign-in by Kerberos: {refused}"
    );
}

const CONTINUATION_TIME: Duration = Duration::from_secs(MAX_SEALED_SECONDS);
