//! The page `/explain`: an administrator pastes a token or a header. The page shows the result of each stage, the failure and
//! its remedy.
//!
//! The page shows the server's account, keys and realms, which only administrators may learn. A server with a
//! configuration has the page only with `--explain`, so give this option only to a server that only administrators can
//! reach. The server does not log the pasted text. The explanation does not use the replay cache, so an explained token
//! still signs in. A signed-in user can see the explanation of their own ticket. No page and no address contains that
//! ticket.

use super::example::Example;
use crate::app::{App, Shared};
use crate::client::{Client, Way};
use crate::clock;
use crate::judged::JudgedTicket;
use crate::session::Stage;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use kerberos_sso::{Error, KeySet, Policy, Refused, UnixTime, Validator, negotiate::TokenInfo};
use kerberos_sso_cli::explain::{Advice, Examiner, Explanation, Node, Pasted, WHERE_TO_FIND};
use minijinja::{Environment, Value, context};
use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Deserialize)]
pub(super) struct Question {
    token: String,
    /// Present if the user has pressed "Explain". The server then validates the token as if it had arrived when it was
    /// made.
    #[serde(default)]
    in_its_time: Option<String>,
}

/// `GET /explain`
pub(super) async fn page(State(app): State<Shared>, client: Client, headers: HeaderMap) -> Response {
    if explains(&app, &client) { render(StatusCode::OK, of_user(&app, &headers).await) } else { refuse() }
}

/// Returns whether the server explains tickets to this client. A client behind a proxy gets no explanation, because
/// anybody may reach the server through the proxy.
pub(crate) fn explains(app: &App, client: &Client) -> bool {
    app.explains && client.way == Way::Direct
}

fn refuse() -> Response {
    (StatusCode::FORBIDDEN, "This page is for administrators of this server only: see --explain.\n").into_response()
}

/// `GET /explain.css`
pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("explain.css")).into_response()
}

/// `POST /explain`
pub(super) async fn explain(
    State(app): State<Shared>,
    client: Client,
    headers: HeaderMap,
    form: Result<Form<Question>, FormRejection>,
) -> Response {
    if !explains(&app, &client) {
        return refuse();
    }
    let of_user = of_user(&app, &headers).await;
    let Ok(Form(question)) = form else {
        return render(
            StatusCode::BAD_REQUEST,
            context! { problem => "The pasted text was too long, or the request was not a form.", ..of_user },
        );
    };
    let advice = Advice::on(question.token.as_bytes());
    if advice.is_some_and(|advice| !advice.leaves_a_token()) {
        return render(StatusCode::OK, context! { advice => advice.map(shown_advice), ..of_user });
    }
    let pasted = Pasted::recognise(question.token.as_bytes());
    let now = clock::now();
    let first = explain_at(&app, &pasted, now);
    let (judged_at, explanation) = match question.in_its_time {
        Some(_) => in_its_time(&app, &pasted, first),
        None => (None, first),
    };
    let judged_at = judged_at.map(|instant| instant.to_string());
    let advice = advice.map(shown_advice);
    render(StatusCode::OK, context! { judged_at, advice, ..shown(&explanation, now, of_user) })
}

/// `GET /explain/own`: explains the ticket that began the session of this browser.
pub(super) async fn own_ticket(State(app): State<Shared>, client: Client, headers: HeaderMap) -> Response {
    if !explains(&app, &client) {
        return refuse();
    }
    let Some(ticket) = kept_ticket(&app, &headers).await else {
        let problem =
            "The server keeps your ticket for five minutes only. Sign out and sign in again to see a new ticket.";
        return render(StatusCode::NOT_FOUND, context! { problem });
    };
    let explanation = explain_at(&app, &Pasted::Header(ticket.authorization.to_vec()), ticket.at);
    let of_user = of_user(&app, &headers).await;
    render(StatusCode::OK, context! { whose => "own", ..shown(&explanation, ticket.at, of_user) })
}

async fn kept_ticket(app: &App, headers: &HeaderMap) -> Option<JudgedTicket> {
    let id = app.cookies.session_id(headers)?;
    app.sessions.find(&id, clock::now()).await.filter(|(_, stage)| *stage == Stage::SignedIn)?;
    app.judged.find(&id)
}

/// `GET /explain/example/{name}`
pub(super) async fn example(
    State(app): State<Shared>,
    Path(name): Path<String>,
    client: Client,
    headers: HeaderMap,
) -> Response {
    if !explains(&app, &client) {
        return refuse();
    }
    let of_user = of_user(&app, &headers).await;
    let Some(example) = Example::of_name(&name) else {
        return render(StatusCode::NOT_FOUND, context! { problem => "There is no such example.", ..of_user });
    };
    let now = clock::now();
    let (header, validator) = example.at(now);
    let pasted = Pasted::Header(header.clone().into_bytes());
    let explanation = Examiner { validator: &validator, arrival: now.into(), admit: None }.explain(&pasted);
    let advice = Advice::on(header.as_bytes()).map(shown_advice);
    let values = shown(&explanation, now, of_user);
    render(StatusCode::OK, context! { whose => "example", example => header, advice, ..values })
}

/// Returns the template values that depend on the session of this user.
async fn of_user(app: &App, headers: &HeaderMap) -> Value {
    context! { own_ticket => kept_ticket(app, headers).await.is_some() }
}

fn shown_advice(advice: Advice) -> Value {
    let where_to_find = (!advice.leaves_a_token()).then_some(WHERE_TO_FIND);
    context! { finding => advice.finding(), meaning => advice.meaning(), where_to_find }
}

fn shown(explanation: &Explanation, now: UnixTime, of_user: Value) -> Value {
    context! {
        stages => nodes(&explanation.stages),
        identity => explanation.outcome.as_ref().ok(),
        code => explanation.outcome.as_ref().err().map(Refused::code),
        now => now.to_string(),
        ..of_user
    }
}

fn explain_at(app: &App, pasted: &Pasted, now: UnixTime) -> Explanation {
    let arrival = now.into();
    if let Some(validator) = validator(app, pasted) {
        return Examiner { validator: &validator, arrival, admit: None }.explain(pasted);
    }
    let validator = Validator::staged(KeySet::new(), Policy::seamless_sso());
    Examiner { validator: &validator, arrival, admit: None }.explain(pasted)
}

/// Returns the validator of the tenant whose realm the ticket names.
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

/// Validates a token again if the server refused it because of the time. Each of at most [`MAX_TIMES`] repetitions
/// validates the token as if it had arrived at the time that the last refusal names.
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

/// The largest number of repeated validations. One is for the ticket's start or end, one for the client's clock, and
/// one is in reserve.
const MAX_TIMES: usize = 3;
