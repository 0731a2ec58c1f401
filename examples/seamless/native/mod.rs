//! Native clients: WS-Trust and tokens.

use crate::app::Shared;
use axum::Router;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
}
