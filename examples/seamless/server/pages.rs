//! Renders the pages as HTML. The templates are in `pages/`. Every value that a template receives is escaped.

use crate::app_password::Listed;
use crate::autologon::Autologon;
use crate::destination::Destination;
use crate::health::Health;
use crate::limits::{content_security_policy, policy_with_frames};
use crate::oidc::{TicketUse, origin_of};
use crate::principal;
use crate::session::Session;
use crate::sign_in::test_account;
use crate::tenants::Tenant;
use crate::test_agent::PASSWORD;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse as _, Response};
use kerberos_sso::{Sid, UnixTime};
use minijinja::{Environment, Value, context};
use std::time::Duration;

pub(crate) struct Pages {
    templates: Environment<'static>,
}

/// The values of the sign-in page.
pub(crate) struct SignInPage<'a> {
    pub(crate) tenant: &'a Tenant,
    /// The user name as the user typed it or as the link passed it, or an empty text if only the domain is known.
    pub(crate) name: &'a str,
    pub(crate) error: Option<&'static str>,
    pub(crate) ticket: TicketUse,
    pub(crate) destination: &'a Destination,
    pub(crate) autologon: &'a Autologon,
}

/// The values of the page that asks for the user's name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NamePage<'a> {
    pub(crate) name: &'a str,
    pub(crate) error: Option<&'a str>,
    pub(crate) test_realm: bool,
    /// The path to which the browser sends the form, or `None` for `/`.
    pub(crate) action: Option<&'a str>,
    /// The hidden fields of the form.
    pub(crate) fields: &'a [(String, String)],
    /// The origin to which redirects may lead the browser after the form, beside the server's own origin.
    pub(crate) origin: Option<&'a str>,
}

/// The values of the page that asks with which account the user wants to continue.
pub(crate) struct QuestionPage<'a> {
    pub(crate) session: &'a Session,
    /// The user whom the application names.
    pub(crate) asked_for: Option<&'a str>,
    /// Whether the user may continue with the session's account.
    pub(crate) may_continue: bool,
    pub(crate) destination: &'a Destination,
}

/// The values of the page for administrators.
pub(crate) struct OperatorsPage<'a> {
    pub(crate) tenants: &'a [Health],
    /// The parts of the server that are not ready.
    pub(crate) unready: &'a [&'static str],
    pub(crate) now: UnixTime,
}

/// The values of the page of a user's app passwords.
pub(crate) struct AppPasswordsPage<'a> {
    pub(crate) session: &'a Session,
    pub(crate) listed: &'a [Listed],
    /// Whether the user has signed in a short time ago, and may make an app password.
    pub(crate) is_recent: bool,
    pub(crate) is_full: bool,
    pub(crate) error: Option<&'static str>,
    /// The name and the text of the new app password.
    pub(crate) new: Option<(&'a str, &'a str)>,
}

/// The link to `/explain` on the page of a signed-in user.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExplainLink {
    /// No link, because this server explains no tickets to this client.
    None,
    /// A link to the form that explains any ticket.
    AnyTicket,
    /// A link to the explanation of the ticket that began the session.
    OwnTicket,
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

    /// Returns the page that asks for the user's name.
    pub(crate) fn name(&self, status: StatusCode, page: &NamePage<'_>) -> Response {
        let NamePage { name, error, test_realm, action, fields, origin } = *page;
        let action = action.unwrap_or("/");
        self.render_to(origin, status, "name.html", context! { name, error, test_realm, action, fields })
    }

    /// Returns the sign-in page. The user sees this page after the page that asks for the user's name. The sign-in page
    /// first asks the browser for a ticket. If the browser has no valid ticket, the page asks the user for a password.
    pub(crate) fn sign_in(&self, status: StatusCode, page: &SignInPage<'_>) -> Response {
        let values = context! {
            tenant => &*page.tenant.name,
            name => page.name,
            error => page.error,
            password => page.tenant.directory.is_some(),
            test_password => page.tenant.test_realm.is_some().then_some(PASSWORD),
            test_account => page.tenant.test_realm.is_some().then(|| test_account(page.name)),
            ticket => match page.ticket {
                TicketUse::InBackground => "background",
                TicketUse::ByButton => "button",
                TicketUse::No => "no",
            },
            application => page.destination.name(),
            other => page.destination.of_someone_else(),
            request => page.destination.sealed(),
            next => page.destination.path(),
            autologon => page.autologon.address,
            page => page.autologon.page,
        };
        let mut response = self.render(status, "sign_in.html", values);
        let policy = content_security_policy(page.destination.origin(), page.autologon.origin.as_deref());
        response.headers_mut().extend(policy.map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        response
    }

    /// Returns the page of the autologon host. This page asks the browser for a ticket, and then leads back to the
    /// pages at `address`.
    pub(crate) fn hop(&self, tenant: &Tenant, address: &str) -> Response {
        self.render(StatusCode::OK, "hop.html", context! { tenant => &*tenant.name, address })
    }

    /// Returns the page that asks with which account the user wants to continue.
    pub(crate) fn question(&self, page: &QuestionPage<'_>) -> Response {
        let values = context! {
            name => shown_name(page.session),
            principal => principal::of(&page.session.identity),
            tenant => &*page.session.tenant,
            asked_for => page.asked_for,
            may_continue => page.may_continue,
            application => page.destination.name(),
            request => page.destination.sealed(),
        };
        self.render_to(page.destination.origin(), StatusCode::OK, "question.html", values)
    }

    /// Returns the page that asks for a one-time code.
    pub(crate) fn proof(
        &self,
        status: StatusCode,
        session: &Session,
        error: Option<&str>,
        destination: &Destination,
    ) -> Response {
        let (name, request) = (shown_name(session), destination.sealed());
        self.render_to(destination.origin(), status, "proof.html", context! { name, error, request })
    }

    /// Returns the page that asks whether the user wants to sign out. After the user has agreed, the server redirects
    /// the browser to `target`.
    pub(crate) fn sign_out(
        &self,
        session: &Session,
        application: Option<&str>,
        request: &str,
        target: Option<&str>,
    ) -> Response {
        let (principal, tenant) = (principal::of(&session.identity), &*session.tenant);
        let values = context! { principal, tenant, application, request };
        self.render_to(target.and_then(origin_of), StatusCode::OK, "sign_out.html", values)
    }

    /// Returns a page that sends a form to a client at once.
    pub(crate) fn form_post(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.render_to(origin_of(target), StatusCode::OK, "form_post.html", context! { target, fields })
    }

    /// Returns the page that loads an address of each client in a frame, and then leads to `next`.
    pub(crate) fn signed_out(&self, frames: &[String], next: Option<&str>) -> Response {
        let mut response = self.render(StatusCode::OK, "signed_out.html", context! { frames, next });
        let policy = policy_with_frames(frames.iter().filter_map(|frame| origin_of(frame)));
        response.headers_mut().extend(policy.map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        response
    }

    /// Returns the page that shows the signed-in user.
    pub(crate) fn who(
        &self,
        session: &Session,
        lifetime: Duration,
        explain: ExplainLink,
        app_passwords: bool,
    ) -> Response {
        let identity = &session.identity;
        let groups: Vec<_> = identity.groups().map(shown_group).collect();
        let values = context! {
            name => shown_name(session),
            tenant => &*session.tenant,
            account => &identity.account_name,
            domain => &session.domain,
            principal => principal::of(identity),
            upn => &identity.upn,
            sid => identity.sid.map(|sid| sid.to_string()),
            groups,
            method => format!("{:?}", session.method),
            agent => session.method.agent().map(|agent| agent.to_string()),
            explain => explain != ExplainLink::None,
            own_ticket => explain == ExplainLink::OwnTicket,
            minutes => lifetime.as_secs().div_ceil(60),
            app_passwords,
        };
        self.render(StatusCode::OK, "who.html", values)
    }

    /// Returns the page of a user's app passwords.
    pub(crate) fn app_passwords(&self, status: StatusCode, page: &AppPasswordsPage<'_>) -> Response {
        let AppPasswordsPage { session, listed, is_recent, is_full, error, new } = *page;
        let (tenant, principal) = (&*session.tenant, principal::of(&session.identity));
        let listed: Vec<_> = listed.iter().map(Listed::shown).collect();
        let new = new.map(|(name, text)| context! { name, text });
        let values = context! { tenant, principal, listed, is_recent, is_full, error, new };
        self.render(status, "app_passwords.html", values)
    }

    /// Returns the page for administrators.
    pub(crate) fn operators(&self, page: &OperatorsPage<'_>) -> Response {
        let warnings: usize = page.tenants.iter().map(|health| health.warnings.len()).sum();
        let tenants: Vec<_> = page.tenants.iter().map(|health| health.shown(page.now)).collect();
        let unready = page.unready;
        self.render(
            StatusCode::OK,
            "operators.html",
            context! { tenants, unready, warnings => warnings.saturating_add(unready.len()) },
        )
    }

    /// Returns a page with a title and a message.
    pub(crate) fn message(&self, status: StatusCode, title: &str, text: &str) -> Response {
        self.render(status, "message.html", context! { title, text })
    }

    /// Renders a page with a policy that lets the page's forms send the browser to `origin`. Browsers also compare each
    /// redirect after a form with this policy (Content Security Policy Level 3 section 6.4.2).
    fn render_to(&self, origin: Option<&str>, status: StatusCode, template: &str, values: Value) -> Response {
        let mut response = self.render(status, template, values);
        let policy = content_security_policy(origin, None);
        response.headers_mut().extend(policy.map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        response
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

/// Returns the user's full name if the PAC has it, else the account name.
fn shown_name(session: &Session) -> String {
    let identity = &session.identity;
    let known = identity.full_name.as_ref().or(identity.account_name.as_ref());
    known.unwrap_or(&identity.name).clone()
}

fn shown_group(sid: Sid) -> Value {
    context! { sid => sid.to_string(), name => well_known(sid) }
}

/// Returns the name of a group that every domain has (MS-DTYP section 2.4.2.4). The names of other groups are only in the
/// directory.
fn well_known(sid: Sid) -> Option<&'static str> {
    if sid == Sid::AUTHENTICATION_ASSERTED {
        return Some("Proved to the directory");
    }
    let of_domain = sid.to_string().starts_with("S-1-5-21-");
    match sid.rid().filter(|_| of_domain)? {
        512 => Some("Domain Admins"),
        513 => Some("Domain Users"),
        514 => Some("Domain Guests"),
        515 => Some("Domain Computers"),
        518 => Some("Schema Admins"),
        519 => Some("Enterprise Admins"),
        520 => Some("Group Policy Creator Owners"),
        525 => Some("Protected Users"),
        572 => Some("Denied RODC Password Replication Group"),
        _ => None,
    }
}

const TEMPLATES: [(&str, &str); 13] = [
    ("frame.html", include_str!("pages/frame.html")),
    ("name.html", include_str!("pages/name.html")),
    ("sign_in.html", include_str!("pages/sign_in.html")),
    ("proof.html", include_str!("pages/proof.html")),
    ("hop.html", include_str!("pages/hop.html")),
    ("question.html", include_str!("pages/question.html")),
    ("sign_out.html", include_str!("pages/sign_out.html")),
    ("signed_out.html", include_str!("pages/signed_out.html")),
    ("form_post.html", include_str!("pages/form_post.html")),
    ("who.html", include_str!("pages/who.html")),
    ("operators.html", include_str!("pages/operators.html")),
    ("app_passwords.html", include_str!("pages/app_passwords.html")),
    ("message.html", include_str!("pages/message.html")),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    const STYLES: [&str; 2] = [include_str!("pages/style.css"), include_str!("native/explain.css")];

    /// Returns the relative luminance (WCAG 2.2) of a colour of the style sheet, in the light and in the dark scheme.
    fn luminances(name: &str) -> [f64; 2] {
        let (_, value) = STYLES[0].split_once(&format!("--{name}: light-dark(#")).unwrap();
        let (light, rest) = value.split_once(", #").unwrap();
        [luminance(light), luminance(rest.split_once(')').unwrap().0)]
    }

    fn luminance(digits: &str) -> f64 {
        let linear = |at: usize| {
            let part = f64::from(u8::from_str_radix(&digits[at..][..2], 16).unwrap()) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(0) + 0.7152 * linear(2) + 0.0722 * linear(4)
    }

    /// Returns the contrast of two colours, in the scheme in which the contrast is lower.
    fn contrast(name: &str, neighbour: &str) -> f64 {
        let pairs = luminances(name).into_iter().zip(luminances(neighbour));
        pairs.map(|(one, other)| (one.max(other) + 0.05) / (one.min(other) + 0.05)).fold(f64::MAX, f64::min)
    }

    #[test]
    fn contrast_of_black_on_white_is_21_to_1() {
        assert!(((luminance("ffffff") + 0.05) / (luminance("000000") + 0.05) - 21.0).abs() < 1e-9);
    }

    /// WCAG 2.2, success criterion 1.4.3, requires this contrast between a text and its background.
    #[test]
    fn text_has_a_contrast_of_at_least_four_and_a_half_to_one() {
        for (text, ground) in [
            ("text", "card"),
            ("text", "tint"),
            ("text", "bad-tint"),
            ("soft", "card"),
            ("accent", "card"),
            ("accent", "tint"),
            ("on-accent", "accent"),
            ("bad", "card"),
            ("bad", "bad-tint"),
        ] {
            let contrast = contrast(text, ground);
            assert!(contrast >= 4.5, "{text} on {ground}: {contrast}");
        }
    }

    /// WCAG 2.2, success criterion 1.4.11, requires this contrast of the edges of fields and buttons, and of the
    /// focus mark, against the background.
    #[test]
    fn edges_have_a_contrast_of_at_least_three_to_one() {
        for edge in EDGES {
            for ground in ["card", "page"] {
                let contrast = contrast(edge, ground);
                assert!(contrast >= 3.0, "{edge} on {ground}: {contrast}");
            }
        }
    }

    #[test]
    fn every_field_and_button_has_an_edge_of_a_checked_colour() {
        let mut found = Vec::new();
        for rule in STYLES.iter().flat_map(|style| style.split('}')) {
            let Some((selectors, declarations)) = rule.rsplit_once('{') else { continue };
            if !["input", "textarea", "button", ".quiet"].iter().any(|one| selectors.contains(one)) {
                continue;
            }
            let edges = declarations.split(';').filter(|one| {
                let property = one.trim_start();
                property.starts_with("outline:")
                    || property.starts_with("border:")
                    || property.starts_with("border-color:")
            });
            found.extend(edges.map(|edge| edge.split("var(--").nth(1).unwrap().split(')').next().unwrap()));
        }
        assert!(found.len() >= 5 && found.iter().all(|edge| EDGES.contains(edge)), "{found:?}");
    }

    const EDGES: [&str; 3] = ["edge", "accent", "bad"];
}
