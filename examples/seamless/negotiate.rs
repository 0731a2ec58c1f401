//! The decision on the `Authorization` header of a request to a tenant, with one line in the log and the headers of the
//! response. Browsers and native clients use the same decision.

use crate::app::App;
use crate::clock;
use crate::cookies;
use crate::principal;
use crate::tenants::Tenant;
use axum::http::header::{AUTHORIZATION, HOST, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use kerberos_sso::http::SignInStep;
use kerberos_sso::limits::MAX_SEALED_SECONDS;
use kerberos_sso::{Refused, negotiate::RoundTrips};
use std::time::Duration;

/// Decides on the `Authorization` values of a request. The client's cookie brings back the state of a negotiation that
/// continues.
pub(crate) fn decide(app: &App, tenant: &Tenant, headers: &HeaderMap) -> SignInStep {
    let now = clock::now();
    let kept = cookies::find(headers, cookies::CONTINUATION).and_then(|sealed| app.sealing_key.open(sealed, now));
    let values = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let step = tenant.validator().sign_in(values, RoundTrips::Many(kept.as_ref()), &clock::randomness(), now);
    log(tenant, &step, headers);
    step
}

/// Returns the `WWW-Authenticate` header, and the cookie with the state of a negotiation that continues.
pub(crate) fn headers(app: &App, step: &SignInStep) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(value) = step.www_authenticate().and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    if let SignInStep::Continue(next) = step {
        let sealed = app.sealing_key.seal(next.negotiation(), &clock::randomness(), clock::now());
        let cookie = sealed.and_then(|sealed| cookies::set(cookies::CONTINUATION, &sealed, CONTINUATION_TIME));
        headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    }
    headers
}

fn log(tenant: &Tenant, step: &SignInStep, headers: &HeaderMap) {
    let tenant = &*tenant.name;
    match step {
        SignInStep::Challenge => {
            tracing::info!(tenant, "challenged: a browser that says no more has no ticket for this address");
        }
        SignInStep::Continue(_) => tracing::info!(tenant, "told to send the ticket"),
        SignInStep::SignedIn(signed_in) => {
            let user = principal::with_sid(&signed_in.identity().to_owned());
            tracing::info!(tenant, %user, "signed in by Kerberos");
        }
        SignInStep::FallBack(refused) => log_refusal(tenant, refused, headers),
    }
}

/// Logs why the sign-in failed and how to fix the cause. The client asked for a ticket for the host in the URL, without the
/// port.
fn log_refusal(tenant: &str, refused: &Refused, headers: &HeaderMap) {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.split(':').next());
    let remedy = refused.remedy().unwrap_or_default();
    let remedy = host.map_or(remedy, |host| remedy.for_host(host)).to_string();
    tracing::warn!(
        tenant,
        code = refused.code(),
        look_at = %refused.blame(),
        remedy,
        "no sign-in by Kerberos: {refused}"
    );
}

const CONTINUATION_TIME: Duration = Duration::from_secs(MAX_SEALED_SECONDS);
