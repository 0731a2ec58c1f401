//! Tells clients of a sign-out through the browser (OpenID Connect Front-Channel Logout 1.0): a page loads an address
//! of each client in a frame.
//!
//! The address always has the issuer (`iss`) and the identifier of the user's stay in the browser (`sid`). A browser
//! that blocks the cookies of third parties sends no cookie with the frame, and the client then finds its session by
//! `sid`. The user may also close the browser before the frames have loaded. So the back channel is better for each
//! client that has a server.

use super::answer::with_query;
use super::clients::RegisteredClient;
use super::token::session_id;
use crate::app::App;
use crate::store::{Locator, Secret};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

/// The addresses of the frames after a sign-out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames(Vec<String>);

impl Frames {
    /// Returns the frames for those clients of a stay that registered a `frontchannel_logout_uri`.
    pub(super) fn of_stay<'c>(
        secret: &Secret,
        issuer: &str,
        stay: &Locator,
        clients: impl Iterator<Item = &'c RegisteredClient>,
    ) -> Self {
        let frame = |client: &RegisteredClient| {
            let uri = client.frontchannel_logout_uri.as_deref()?;
            Some(with_query(uri, &[("iss", issuer), ("sid", &session_id(secret, &client.id, stay))]))
        };
        Self(clients.filter_map(frame).collect())
    }

    /// Sends the browser to `next`, through a page with the frames if there are any. Without `next`, a page says that
    /// the user is signed out.
    pub(crate) fn lead(self, app: &App, next: Option<&str>) -> Response {
        match next {
            _ if !self.0.is_empty() => app.pages.signed_out(&self.0, next),
            Some(next) => Redirect::to(next).into_response(),
            None => {
                let text =
                    "Other applications may still have sessions of their own. On a shared computer, close the browser.";
                app.pages.message(StatusCode::OK, "You are signed out", text)
            }
        }
    }
}
