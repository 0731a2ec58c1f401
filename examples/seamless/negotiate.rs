//! The `Authorization` of a request, decided for a tenant: one line of log, and the headers of the answer. For browsers
//! and native clients alike.

use crate::app::App;
use crate::clock;
use crate::cookies;
use crate::tenants::Tenant;
use axum::http::header::{AUTHORIZATION, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use kerberos_sso::http::SignInStep;
use kerberos_sso::limits::MAX_SEALED_SECONDS;
use kerberos_sso::{Arrival, Error};
use std::time::Duration;

/// Decides the `Authorization` values, with what a leg before left in the client's cookie.
pub(crate) fn decide(app: &App, tenant: &Tenant, headers: &HeaderMap) -> SignInStep {
    let now = clock::now();
    let kept = cookies::find(headers, cookies::LEG).and_then(|sealed| app.sealing_key.open(sealed, now));
    let values = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let step = tenant.validator().sign_in(values, kept.as_ref(), &Connection::default(), &clock::randomness(), now);
    log(tenant, &step);
    step
}

/// `WWW-Authenticate`, and the cookie of a leg.
pub(crate) fn headers(app: &App, step: &SignInStep) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(value) = step.www_authenticate().and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let SignInStep::Continue(leg) = step {
        let sealed = app.sealing_key.seal(leg.negotiation(), &clock::randomness(), clock::now());
        let cookie = sealed.and_then(|sealed| cookies::set(cookies::LEG, &sealed, LEG_TIME));
        headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    }
    headers
}

fn log(tenant: &Tenant, step: &SignInStep) {
    let tenant = &*tenant.name;
    match step {
        SignInStep::Challenge => {
            tracing::info!(tenant, "challenged: a browser that says no more has no ticket for this address");
        }
        SignInStep::Continue(_) => tracing::info!(tenant, "told to send the ticket"),
        SignInStep::SignedIn(signed_in) => {
            tracing::info!(tenant, user = %signed_in.identity(), "signed in by Kerberos");
        }
        SignInStep::FallBack(fall_back) => log_refusal(tenant, fall_back.error()),
    }
}

/// What went wrong, and what to do about it.
pub(crate) fn log_refusal(tenant: &str, error: &Error) {
    let (code, remedy) = (error.code(), error.remedy().unwrap_or("none known"));
    tracing::warn!(tenant, code, look_at = %error.blame(), remedy, "no sign-in by Kerberos: {error}");
}

const LEG_TIME: Duration = Duration::from_secs(MAX_SEALED_SECONDS);
