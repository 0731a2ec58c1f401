//! placeholder
use axum::response::{IntoResponse as _, Response};
pub(super) async fn page() -> Response {
    axum::http::StatusCode::NOT_FOUND.into_response()
}
pub(super) async fn explain() -> Response {
    axum::http::StatusCode::NOT_FOUND.into_response()
}
