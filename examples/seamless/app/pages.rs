//! Renders the pages as HTML. The templates are in `pages/`. The template engine escapes every value.

use crate::failure::Failure;
use crate::groups::well_known;
use crate::home::ApiAnswer;
use crate::id_token::User;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use minijinja::{Environment, Value, context};

pub(crate) struct Pages {
    templates: Environment<'static>,
}

impl Pages {
    pub(crate) fn new() -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_trim_blocks(true);
        templates.set_lstrip_blocks(true);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source)?;
        }
        Ok(Self { templates })
    }

    /// Returns the page with the button "Sign in".
    pub(crate) fn signed_out(&self) -> Response {
        self.render(StatusCode::OK, "signed_out.html", context! {})
    }

    /// Returns the page of a signed-in user.
    pub(crate) fn signed_in(&self, user: &User, answer: &ApiAnswer) -> Response {
        let User { name, upn, groups, groups_at, methods, since, .. } = user;
        let known = |group: &String| context! { group, name => well_known(group) };
        let (accepted, status, text) = match answer {
            ApiAnswer::Answered { status, text } => (status.is_success(), Some(status.to_string()), indented(text)),
            ApiAnswer::NotReached(reason) => (false, None, reason.clone()),
        };
        let values = context! {
            name,
            upn,
            groups => groups.as_ref().map(|groups| groups.iter().map(known).collect::<Vec<_>>()),
            asked_for_groups => groups_at.is_some(),
            methods,
            since,
            api => context! { accepted, status, text },
        };
        self.render(StatusCode::OK, "signed_in.html", values)
    }

    /// Returns the page that says what failed and what to do. The application writes this failure into its log, too.
    pub(crate) fn failure(&self, failure: &Failure) -> Response {
        tracing::warn!("{failure}");
        let (title, text, remedy) = (failure.title(), failure.to_string(), failure.remedy());
        self.render(failure.status(), "failure.html", context! { title, text, remedy })
    }

    fn render(&self, status: StatusCode, template: &str, values: Value) -> Response {
        match self.templates.get_template(template).and_then(|template| template.render(values)) {
            Ok(page) => (status, Html(page)).into_response(),
            Err(error) => {
                tracing::error!("{template}: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Returns JSON text with line breaks and indentation, and any other text unchanged.
fn indented(text: &str) -> String {
    let parsed = serde_json::from_str::<serde_json::Value>(text);
    parsed.ok().and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| text.to_owned())
}

/// `GET /style.css`
pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("pages/style.css"))
}

const TEMPLATES: [(&str, &str); 4] = [
    ("frame.html", include_str!("pages/frame.html")),
    ("signed_out.html", include_str!("pages/signed_out.html")),
    ("signed_in.html", include_str!("pages/signed_in.html")),
    ("failure.html", include_str!("pages/failure.html")),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn text(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn names_from_tokens_and_texts_of_the_api_are_escaped() {
        let user = User {
            name: "<b>Anna</b>".into(),
            upn: Some("anna@<i>".into()),
            groups: Some(vec!["<u>".into()]),
            groups_at: None,
            methods: vec!["<s>".into()],
            since: None,
            subject: String::new(),
            stay: None,
        };
        let answer = ApiAnswer::NotReached("<hr>".into());
        let page = text(Pages::new().unwrap().signed_in(&user, &answer)).await;
        for tag in ["<b>", "<i>", "<u>", "<s>", "<hr>"] {
            assert!(!page.contains(tag), "{page}");
        }
        assert!(page.contains("&lt;b&gt;Anna"), "{page}");
        let failure = Failure::Refused { code: "<b>".into(), description: Some("<i>".into()) };
        let page = text(Pages::new().unwrap().failure(&failure)).await;
        assert!(page.contains("&lt;b&gt; (&lt;i&gt;)"), "{page}");
    }

    #[tokio::test]
    async fn page_says_that_groups_are_too_many_for_a_token() {
        let user = User {
            name: "Anna".into(),
            upn: None,
            groups: None,
            groups_at: Some("https://sso.test/groups".into()),
            methods: Vec::new(),
            since: None,
            subject: String::new(),
            stay: None,
        };
        let page = text(Pages::new().unwrap().signed_in(&user, &ApiAnswer::NotReached(String::new()))).await;
        assert!(page.contains("too many groups"), "{page}");
    }
}
