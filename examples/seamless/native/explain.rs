//! `/explain`: an administrator pastes a token or a header, and sees what each stage found, what failed and what to do.
//!
//! It tells which account, keys and realms the server has, which is nobody's business outside: for the tenants of a
//! configuration it is there only by `--explain`, which is for a server that strangers do not reach. What is pasted is not
//! logged, and no replay cache is asked: explaining a token does not use it up.

#[path = "../../explain/pasted.rs"]
mod pasted;
#[path = "../../explain/stages/mod.rs"]
mod stages;
#[path = "../../explain/tree.rs"]
mod tree;

use crate::app::{App, Shared};
use crate::clock;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use kerberos_sso::{Error, KeySet, Policy, Refused, UnixTime, Validator, negotiate::TokenInfo};
use minijinja::{Environment, Value, context};
use pasted::Pasted;
use serde::Deserialize;
use stages::{Examiner, Explanation};
use std::sync::LazyLock;
use tree::Node;

#[derive(Deserialize)]
pub(super) struct Question {
    token: String,
    /// Ticked: the token is judged as it would have been when it was made.
    #[serde(default)]
    in_its_time: Option<String>,
}

/// `GET /explain`
pub(super) async fn page(State(app): State<Shared>, headers: HeaderMap) -> Response {
    if is_served(&app, &headers) { render(StatusCode::OK, context! {}) } else { refuse() }
}

fn is_served(app: &App, headers: &HeaderMap) -> bool {
    app.explains && !came_through_proxy(headers)
}

/// Many proxies add one of these, and others none: this notices a mistake, and is no protection.
fn came_through_proxy(headers: &HeaderMap) -> bool {
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

fn refuse() -> Response {
    (StatusCode::FORBIDDEN, "This page is for administrators: see --explain.\n").into_response()
}

/// `GET /explain.css`
pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("explain.css")).into_response()
}

/// `POST /explain`
pub(super) async fn explain(
    State(app): State<Shared>,
    headers: HeaderMap,
    form: Result<Form<Question>, FormRejection>,
) -> Response {
    if !is_served(&app, &headers) {
        return refuse();
    }
    let Ok(Form(question)) = form else {
        return render(StatusCode::BAD_REQUEST, context! { problem => "That was too long, or no form." });
    };
    let pasted = Pasted::recognise(question.token.as_bytes());
    let now = clock::now();
    let first = explain_at(&app, &pasted, now);
    let (judged_at, explanation) = match question.in_its_time {
        Some(_) => in_its_time(&app, &pasted, first),
        None => (None, first),
    };
    let values = context! {
        stages => nodes(&explanation.stages),
        identity => explanation.outcome.as_ref().ok(),
        code => explanation.outcome.as_ref().err().map(Refused::code),
        now => now.to_string(),
        judged_at => judged_at.map(|instant| instant.to_string()),
    };
    render(StatusCode::OK, values)
}

fn explain_at(app: &App, pasted: &Pasted, now: UnixTime) -> Explanation {
    let arrival = now.into();
    if let Some(validator) = validator(app, pasted) {
        return Examiner { validator: &validator, arrival, admit: None }.explain(pasted);
    }
    let validator = Validator::staged(KeySet::new(), Policy::seamless_sso());
    Examiner { validator: &validator, arrival, admit: None }.explain(pasted)
}

/// That of the tenant whose realm the ticket names.
fn validator(app: &App, pasted: &Pasted) -> Option<crate::tenants::Validator> {
    let decoded;
    let token = match pasted {
        Pasted::Token(token) => token,
        Pasted::Header(value) => {
            let reader = Validator::staged(KeySet::new(), Policy::default());
            decoded = reader.decode_header(value).ok()?;
            &decoded
        }
    };
    let query = TokenInfo::of(token).key_query()?;
    app.tenants.of_domain(query.realm()).map(|tenant| tenant.validator())
}

/// As long as only the time is against the token: again at a time that suits it, which the refusal tells.
fn in_its_time(app: &App, pasted: &Pasted, first: Explanation) -> (Option<UnixTime>, Explanation) {
    let (mut judged_at, mut explanation) = (None, first);
    for _ in 0..MAX_TIMES {
        let instant = match explanation.outcome.as_ref().map_err(Refused::error) {
            Err(Error::TicketExpired { end, .. }) => *end,
            Err(Error::TicketNotYetValid { start, .. }) => *start,
            Err(Error::ClockSkew { client, .. }) => *client,
            _ => break,
        };
        explanation = explain_at(app, pasted, instant);
        judged_at = Some(instant);
    }
    (judged_at, explanation)
}

fn nodes(nodes: &[Node]) -> Vec<Value> {
    nodes.iter().map(node).collect()
}

fn node(node: &Node) -> Value {
    let failure = node.failure.as_ref().map(|failure| {
        context! { code => failure.code, blame => failure.blame, because => failure.because, remedy => failure.remedy }
    });
    context! {
        sign => node.mark.sign(),
        mark => format!("{:?}", node.mark).to_lowercase(),
        title => node.title,
        value => node.value,
        failure,
        children => nodes(&node.children),
    }
}

fn render(status: StatusCode, values: Value) -> Response {
    match TEMPLATES.get_template("explain.html").and_then(|template| template.render(values)) {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => {
            tracing::error!("explain.html: {error}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(templates);

#[expect(clippy::expect_used, reason = "the templates are part of the program")]
fn templates() -> Environment<'static> {
    let mut templates = Environment::new();
    for (name, source) in
        [("frame.html", include_str!("../pages/frame.html")), ("explain.html", include_str!("explain.html"))]
    {
        templates.add_template(name, source).expect("a template that can be read");
    }
    templates
}

/// The end of the ticket, the client's clock, and one to spare.
const MAX_TIMES: usize = 3;
