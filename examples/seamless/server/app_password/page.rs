//! The page of a user's app passwords: `/{tenant}/app-passwords`.
//!
//! A user with a secret for one-time codes must enter a code before they see the page, even if the sign-in needs no code. To
//! make an app password, the user must have signed in within the last [`RECENT`] seconds. A ticket has the time at which the
//! user signed in to the computer, so a user with an older ticket must type the password. Otherwise anybody who finds a
//! computer unlocked could make an app password and take it away.

use super::{AppPasswords, MAX_OF_ONE_USER};
use crate::app::{App, Shared};
use crate::autologon::Autologon;
use crate::browser::{not_found, session, unavailable};
use crate::clock;
use crate::destination::{Destination, ReturnPath};
use crate::oidc::TicketUse;
use crate::pages::{AppPasswordsPage, SignInPage};
use crate::principal;
use crate::session::{Session, Stage};
use crate::store::Locator;
use crate::tenants::Tenant;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::{Sid, UnixTime};
use serde::Deserialize;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/{tenant}/app-passwords", get(show).post(make))
        .route("/{tenant}/app-passwords/again", get(again))
        .route("/{tenant}/app-passwords/revoke", post(revoke))
}

#[derive(Deserialize)]
struct New {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    id: String,
}

/// The user whose app passwords the page shows.
struct Owner {
    session: Arc<Session>,
    sid: Sid,
}

impl Owner {
    fn is_recent(&self, now: UnixTime) -> bool {
        now.seconds_since(self.session.proved_at()) <= RECENT
    }
}

/// Returns the user of a browser, if the user has signed in to the tenant and has entered the one-time code that the page
/// demands.
///
/// # Errors
/// Returns the page that any other user gets.
async fn owner(app: &Shared, tenant: &Tenant, headers: &HeaderMap) -> Result<Owner, Response> {
    if tenant.app_passwords.is_none() {
        return Err(not_found(State(Arc::clone(app))).await);
    }
    let destination = destination(tenant);
    let of_tenant = session(app, headers).await.filter(|(_, session, _)| session.tenant == tenant.name);
    let Some((_, session, Stage::SignedIn)) = of_tenant else {
        return Err(Redirect::to(&destination.path()).into_response());
    };
    let proofs = &tenant.proofs;
    let refused = |title, text| Err(app.pages.message(StatusCode::FORBIDDEN, title, text));
    match session.identity.sid {
        None => {
            refused("No app passwords", "The directory gave no identifier of your account. Ask your administrator.")
        }
        Some(sid) if session.is_proved || !(proofs.has_secret(Some(sid)) || proofs.are_needed(Some(sid))) => {
            Ok(Owner { session, sid })
        }
        Some(sid) if proofs.has_secret(Some(sid)) => Err(app.pages.proof(StatusCode::OK, &session, None, &destination)),
        Some(_) => {
            let text = "A one-time code is needed, and none is set up for your account. Ask your administrator.";
            refused("One more step is missing", text)
        }
    }
}

async fn show(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap) -> Response {
    match owner(&app, &tenant, &headers).await {
        Ok(owner) => page(&app, &tenant, &owner, StatusCode::OK, Said::default()).await,
        Err(response) => response,
    }
}

/// Shows the sign-in page to a user whose last sign-in was too long ago. The session of this user stays valid until
/// they have signed in again.
async fn again(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap) -> Response {
    let Owner { session, .. } = match owner(&app, &tenant, &headers).await {
        Ok(owner) => owner,
        Err(response) => return response,
    };
    // The page asks for no ticket, because a ticket would have the same old time of sign-in as the session.
    let (name, ticket) = (principal::upn(&session.identity), TicketUse::No);
    let (destination, autologon) = (&destination(&tenant), &Autologon::default());
    let page = SignInPage { tenant: &tenant, name: &name, error: None, ticket, destination, autologon };
    app.pages.sign_in(StatusCode::OK, &page)
}

async fn make(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    Form(New { name }): Form<New>,
) -> Response {
    let owner = match owner(&app, &tenant, &headers).await {
        Ok(owner) => owner,
        Err(response) => return response,
    };
    let now = clock::now();
    let (true, Some(config)) = (owner.is_recent(now), &tenant.app_passwords) else {
        return Redirect::to(&format!("/{}/app-passwords/again", tenant.name)).into_response();
    };
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        let said = Said {
            error: Some("Please give it a name: the program or the device, with 64 characters at most."),
            ..Said::default()
        };
        return page(&app, &tenant, &owner, StatusCode::BAD_REQUEST, said).await;
    }
    match app.passwords.make(config, &owner.session, owner.sid, name, now).await {
        Ok(Some(text)) => {
            let said = Said { new: Some((name, &text)), ..Said::default() };
            page(&app, &tenant, &owner, StatusCode::OK, said).await
        }
        Ok(None) => {
            let said = Said {
                error: Some("You have as many app passwords as you may have. Revoke one first."),
                ..Said::default()
            };
            page(&app, &tenant, &owner, StatusCode::CONFLICT, said).await
        }
        Err(error) => unavailable(&app, &error),
    }
}

/// Ends an app password. For this, the user needs no recent sign-in, because a user who has lost a device is in a
/// hurry.
async fn revoke(
    State(app): State<Shared>,
    tenant: Tenant,
    headers: HeaderMap,
    Form(Chosen { id }): Form<Chosen>,
) -> Response {
    let owner = match owner(&app, &tenant, &headers).await {
        Ok(owner) => owner,
        Err(response) => return response,
    };
    let locator = URL_SAFE_NO_PAD.decode(&id).ok().and_then(|octets| Locator::try_from(octets).ok());
    let revoked = match locator {
        Some(locator) => app.passwords.revoke(&tenant.name, owner.sid, &locator, clock::now()).await,
        None => Ok(None),
    };
    match revoked {
        Ok(revoked) => {
            if let Some(name) = revoked {
                let user = principal::of(&owner.session.identity);
                tracing::info!(tenant = %tenant.name, user, name, "revoked an app password");
            }
            Redirect::to(&path(&tenant)).into_response()
        }
        Err(error) => unavailable(&app, &error),
    }
}

/// What the page shows in addition to the list of app passwords.
#[derive(Default)]
struct Said<'a> {
    error: Option<&'static str>,
    /// The name and the text of the new app password.
    new: Option<(&'a str, &'a str)>,
}

async fn page(app: &App, tenant: &Tenant, owner: &Owner, status: StatusCode, said: Said<'_>) -> Response {
    let (now, passwords): (_, &AppPasswords) = (clock::now(), &app.passwords);
    let listed = match passwords.of_user(&tenant.name, owner.sid, now).await {
        Ok(listed) => listed,
        Err(error) => return unavailable(app, &error),
    };
    let page = AppPasswordsPage {
        session: &owner.session,
        listed: &listed,
        is_recent: owner.is_recent(now),
        is_full: listed.len() >= MAX_OF_ONE_USER,
        error: said.error,
        new: said.new,
    };
    app.pages.app_passwords(status, &page)
}

fn path(tenant: &Tenant) -> String {
    format!("/{}/app-passwords", tenant.name)
}

/// Returns the page as the destination of a sign-in.
fn destination(tenant: &Tenant) -> Destination {
    Destination::Path { tenant: tenant.name.to_string(), path: ReturnPath::parse(&path(tenant)) }
}

/// The time after a sign-in in which the user may make app passwords, in seconds.
const RECENT: i64 = 10 * 60;

/// The largest number of characters of a name.
const MAX_NAME: usize = 64;
