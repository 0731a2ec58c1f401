//! OpenID Connect for applications: the authorization code flow, its tokens, and sign-out.
//!
//! These modules do no I/O:
//! - [`parameters`], [`authorization_request`], [`logout_request`], [`clients`], [`redirect_uri`] and [`scopes`] read and check
//!   requests.
//! - [`decision`] returns the next step for a request and a session.
//! - [`claims`] makes the claims of tokens.
//!
//! The routes are in [`authorize`], [`pushed`], [`token`], [`userinfo`], [`revoke`], [`introspect`], [`end_session`]
//! and [`discovery`]. [`conversation`] continues a sign-in over several pages. [`password_grant`] signs in the users of
//! mail servers. [`grants`] keeps codes and refresh tokens in the store. [`sign_out_messages`] tells clients of a
//! sign-out.

mod answer;
mod authorization_request;
mod authorize;
mod back_channel;
mod bearer;
mod claims;
mod client_assertion;
mod client_authentication;
mod client_keys;
mod clients;
mod conversation;
mod cors;
mod decision;
mod dialect;
mod discovery;
mod end_session;
mod error;
mod front_channel;
mod grants;
mod introspect;
mod issued;
mod logout_queue;
mod logout_request;
mod parameters;
mod participants;
mod password_grant;
mod pushed;
mod redirect_uri;
mod revoke;
mod scope_of_resource;
mod scopes;
mod sign_out_messages;
mod test_realm;
#[cfg(test)]
mod tests;
mod token;
mod user;
mod userinfo;

use crate::app::Shared;
use crate::native;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

pub(crate) use authorization_request::Prompt;
pub(crate) use back_channel::BackChannel;
pub(crate) use client_assertion::ClientAssertions;
pub(crate) use clients::{Clients, GrantType, RegisteredClient};
pub(crate) use conversation::{BrowserId, Conversation, ConversationId, Stale};
pub(crate) use cors::{apply as apply_cors, begins, may_send};
pub(crate) use decision::TicketUse;
pub(crate) use front_channel::Frames;
pub(crate) use grants::{ACCESS_LIFETIME, FirstFactor, Grants};
pub(crate) use logout_queue::LogoutQueue;
pub(crate) use redirect_uri::origin as origin_of;
pub(crate) use sign_out_messages::{keep_sending as keep_telling_clients, tell as tell_clients};
pub(crate) use test_realm::{APP_SECRET, clients as test_clients};
pub(crate) use user::User;

pub(crate) fn routes() -> Router<Shared> {
    let of_native_clients = Router::new()
        .route("/{tenant}/oauth2/token", post(token::version1))
        .route("/{tenant}/oauth2/v2.0/token", post(token::version2))
        .layer(middleware::from_fn(native::repeat_correlation));
    Router::new()
        .merge(of_native_clients)
        .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::version2_by_query).post(authorize::version2_by_form))
        .route("/{tenant}/oauth2/v2.0/logout", get(end_session::by_query).post(end_session::by_form))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::metadata_of_version2))
        .route("/common/oauth2/authorize", get(authorize::of_common))
        .route("/{tenant}/oauth2/authorize", get(authorize::by_query).post(authorize::by_form))
        .route("/{tenant}/sign-in", get(authorize::page))
        .route("/{tenant}/sign-in/continue", post(authorize::continue_as))
        .route("/{tenant}/sign-in/other", post(authorize::as_other))
        .route("/{tenant}/oauth2/end_session", get(end_session::by_query).post(end_session::by_form))
        .route("/{tenant}/sign-out", get(end_session::page).post(end_session::confirmed))
        .route("/{tenant}/oauth2/userinfo", get(userinfo::user_info).post(userinfo::user_info))
        .route("/{tenant}/oauth2/groups", get(userinfo::groups))
        .route("/{tenant}/oauth2/par", post(pushed::push))
        .route("/{tenant}/oauth2/revoke", post(revoke::revoke))
        .route("/{tenant}/oauth2/introspect", post(introspect::introspect))
        .route("/{tenant}/discovery/keys", get(discovery::key_set))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::metadata))
        .route("/.well-known/oauth-authorization-server/{tenant}", get(discovery::metadata))
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
}

/// The largest body of a request, in octets. The body of a token request may have a SAML assertion.
const MAX_BODY_SIZE: usize = 128 * 1024;
