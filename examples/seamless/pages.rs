//! The pages: what is to be shown in, HTML out. The templates are in `pages/`; whatever is put into them is escaped.

use crate::principal;
use crate::session::{Method, Session};
use crate::tenants::Tenant;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use kerberos_sso::Sid;
use minijinja::{Environment, Value, context};
use std::time::Duration;

pub(crate) struct Pages {
    templates: Environment<'static>,
}

/// Who is to sign in, and what is known of how.
pub(crate) struct SignInPage<'a> {
    pub(crate) tenant: &'a Tenant,
    /// As it was typed or hinted; empty if only the domain is known.
    pub(crate) name: &'a str,
    pub(crate) error: Option<&'static str>,
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

    /// The name step.
    pub(crate) fn name(&self, status: StatusCode, name: &str, error: Option<&str>, test_realm: bool) -> Response {
        self.render(status, "name.html", context! { name, error, test_realm })
    }

    /// The step after the name: the browser is asked for a ticket, the user, if that fails, for a password.
    pub(crate) fn sign_in(&self, status: StatusCode, page: &SignInPage<'_>) -> Response {
        let values = context! {
            tenant => &*page.tenant.name,
            name => page.name,
            error => page.error,
            password => page.tenant.directory.is_some(),
            test_realm => page.tenant.test_realm.is_some(),
        };
        self.render(status, "sign_in.html", values)
    }

    /// One more proof.
    pub(crate) fn proof(&self, status: StatusCode, session: &Session, error: Option<&str>) -> Response {
        self.render(status, "proof.html", context! { name => shown_name(session), error })
    }

    /// Who you are.
    pub(crate) fn who(&self, session: &Session, lifetime: Duration) -> Response {
        let identity = &session.identity;
        let groups: Vec<_> = identity.groups().map(|group| group.sid).map(shown_group).collect();
        let values = context! {
            name => shown_name(session),
            tenant => &*session.tenant,
            account => &identity.account_name,
            domain => &identity.logon_domain,
            principal => principal::of(identity),
            upn => &identity.upn,
            sid => identity.sid.map(|sid| sid.to_string()),
            groups,
            kerberos => session.method == Method::Kerberos,
            minutes => lifetime.as_secs().div_ceil(60),
        };
        self.render(StatusCode::OK, "who.html", values)
    }

    /// Anything else.
    pub(crate) fn message(&self, status: StatusCode, title: &str, text: &str) -> Response {
        self.render(status, "message.html", context! { title, text })
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

/// The name by which people know each other, if the directory has one.
fn shown_name(session: &Session) -> String {
    let identity = &session.identity;
    let known = identity.full_name.as_ref().or(identity.account_name.as_ref());
    known.unwrap_or(&identity.name).clone()
}

fn shown_group(sid: Sid) -> Value {
    context! { sid => sid.to_string(), name => well_known(sid) }
}

/// Names of groups that every domain has (MS-DTYP section 2.4.2.4). Others only the directory knows.
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

const TEMPLATES: [(&str, &str); 6] = [
    ("frame.html", include_str!("pages/frame.html")),
    ("name.html", include_str!("pages/name.html")),
    ("sign_in.html", include_str!("pages/sign_in.html")),
    ("proof.html", include_str!("pages/proof.html")),
    ("who.html", include_str!("pages/who.html")),
    ("message.html", include_str!("pages/message.html")),
];
