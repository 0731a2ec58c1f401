//! The identifier that a client gives to a request: `client-request-id`, in a header or in the query. The response
//! repeats the identifier if the client asks for this. The server uses the identifier for nothing else, because some
//! clients send the same identifier with every request.

use crate::guid::Guid;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;

/// Repeats the identifier if the header `return-client-request-id` asks for it.
pub(crate) async fn repeat(request: Request, next: Next) -> Response {
    let is_wanted = request.headers().get(WANTED).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let id = of(request.headers(), request.uri()).filter(|_| is_wanted);
    let mut response = next.run(request).await;
    let value = id.and_then(|id| HeaderValue::try_from(id.to_string()).ok());
    response.headers_mut().extend(value.map(|value| (HeaderName::from_static(NAME), value)));
    response
}

/// Returns the identifier that the client gave to a request. Ignores a text that is not a GUID.
pub(crate) fn of(headers: &HeaderMap, uri: &Uri) -> Option<Guid> {
    let in_header = headers.get(NAME).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let query = uri.query().unwrap_or_default().as_bytes();
    let in_query =
        || form_urlencoded::parse(query).find(|(name, _)| name == NAME).and_then(|(_, text)| text.parse().ok());
    in_header.or_else(in_query)
}

const NAME: &str = "client-request-id";
const WANTED: &str = "return-client-request-id";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn identifier_is_read_from_the_header_or_else_from_the_query() {
        let (first, second) = ("19ac39db-81d2-4713-8046-b0b7240592be", "29ac39db-81d2-4713-8046-b0b7240592be");
        let header = |text: &str| HeaderMap::from_iter([(NAME.parse().unwrap(), text.parse().unwrap())]);
        let uri: Uri = format!("/x?a=b&client-request-id={second}").parse().unwrap();
        let text = |headers: &HeaderMap, uri: &Uri| of(headers, uri).map(|id| id.to_string());
        assert_eq!(text(&header(first), &uri).as_deref(), Some(first));
        assert_eq!(text(&HeaderMap::new(), &uri).as_deref(), Some(second));
        assert_eq!(text(&header("<b>"), &uri).as_deref(), Some(second));
        assert_eq!(text(&header("<b>"), &Uri::from_static("/x?client-request-id=1")), None);
    }
}
