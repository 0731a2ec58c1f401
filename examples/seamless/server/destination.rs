//! The place to which a sign-in leads: the server's own page, a page behind the proxy, or the application that sent the user.

use crate::app::App;
use crate::oidc::{BrowserId, Conversation, ConversationId, RegisteredClient, Stale, origin_of};
use crate::tenants::Tenant;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use form_urlencoded::Serializer;
use kerberos_sso::UnixTime;

#[derive(Debug)]
pub(crate) enum Destination {
    /// The page that shows the signed-in user.
    OwnPage,
    /// A page that is behind the proxy on the same host (`forward_auth.rs`). Without a path, the destination is the
    /// server's own page.
    Path {
        tenant: String,
        path: Option<ReturnPath>,
    },
    Application(Box<Application>),
}

/// A path on this host, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnPath(String);

impl ReturnPath {
    /// Reads a path. Returns `None` if a browser could read the text as an address of another host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_path = text.starts_with('/') && !text.starts_with("//") && text.len() <= MAX_PATH;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'));
        (is_path && is_plain).then(|| Self(text.into()))
    }

    pub(crate) fn into_path(self) -> String {
        self.0
    }
}

/// An application that waits for its user.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) conversation: Conversation,
    /// The sealed conversation as a text, which the addresses and the forms of the sign-in pages contain.
    sealed: String,
    /// The name of the application, as the pages show it.
    name: String,
    tenant: String,
}

impl Application {
    /// Returns the application of a conversation. Returns `None` if the client or its redirect URI is not registered any
    /// more.
    pub(crate) fn new(tenant: &Tenant, conversation: Conversation, sealed: String) -> Option<Self> {
        let client = client_of(tenant, &conversation)?;
        Some(Self { name: client.shown_name().into(), tenant: tenant.name.to_string(), conversation, sealed })
    }

    pub(crate) fn client<'t>(&self, tenant: &'t Tenant) -> Option<&'t RegisteredClient> {
        client_of(tenant, &self.conversation)
    }
}

fn client_of<'t>(tenant: &'t Tenant, conversation: &Conversation) -> Option<&'t RegisteredClient> {
    let request = &conversation.request;
    tenant.clients.get(&request.client_id).filter(|client| client.has_redirect_uri(&request.reply.redirect_uri))
}

impl Destination {
    /// Returns the destination of a user who sent a form. `sealed` is the hidden field `request` of the form. If the
    /// form has no such field, the destination is the server's own page.
    ///
    /// # Errors
    /// Returns a redirect to the sign-in page if the conversation cannot continue in this browser. The sign-in page
    /// begins the sign-in again, or tells the user what to do.
    pub(crate) fn of_form(
        app: &App,
        tenant: &Tenant,
        headers: &HeaderMap,
        sealed: Option<&str>,
        now: UnixTime,
    ) -> Result<Self, Response> {
        let browser = app.cookies.browser_id(headers);
        let found = Self::of_attempt(app, tenant, browser.as_ref(), sealed, now);
        found.map_err(|_| Redirect::to(&address(&tenant.name, sealed.unwrap_or_default())).into_response())
    }

    /// Returns the destination of a user for whom the page's script sent a request. `sealed` is the parameter `request`
    /// of that request.
    ///
    /// # Errors
    /// Returns why the conversation cannot continue in this browser.
    pub(crate) fn of_attempt(
        app: &App,
        tenant: &Tenant,
        browser: Option<&BrowserId>,
        sealed: Option<&str>,
        now: UnixTime,
    ) -> Result<Self, Stale> {
        match sealed.filter(|sealed| !sealed.is_empty()) {
            None => Ok(Self::OwnPage),
            Some(sealed) => Self::open(app, tenant, browser, sealed, now),
        }
    }

    /// Opens a conversation.
    ///
    /// # Errors
    /// Returns why the conversation cannot continue.
    pub(crate) fn open(
        app: &App,
        tenant: &Tenant,
        browser: Option<&BrowserId>,
        sealed: &str,
        now: UnixTime,
    ) -> Result<Self, Stale> {
        if let Some(path) = ReturnPath::parse(sealed) {
            return Ok(Self::Path { tenant: tenant.name.to_string(), path: Some(path) });
        }
        let conversation = Conversation::open(&app.records, sealed, &tenant.name, browser, now)?;
        let application = Application::new(tenant, conversation, sealed.into()).ok_or(Stale::Unknown)?;
        Ok(Self::Application(Box::new(application)))
    }

    /// Returns the path to which the browser goes after a sign-in.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::OwnPage => "/".into(),
            Self::Path { tenant, path } => forward_auth_address(tenant, path.as_ref()),
            Self::Application(application) => address(&application.tenant, &application.sealed),
        }
    }

    /// Returns the path of the sign-in page for a user who is not the user of the hint or of the last sign-in, and so
    /// wants to enter another name.
    pub(crate) fn of_someone_else(&self) -> String {
        match self {
            Self::OwnPage | Self::Path { .. } => "/?other=true".into(),
            Self::Application(_) => format!("{}&other=true", self.path()),
        }
    }

    /// Returns the path of the page behind the proxy, or the path of the server's own page.
    pub(crate) fn target(&self) -> &str {
        match self {
            Self::Path { path: Some(ReturnPath(path)), .. } => path,
            _ => "/",
        }
    }

    /// Returns the text for the hidden field `request` of a form.
    pub(crate) fn sealed(&self) -> Option<&str> {
        match self {
            Self::OwnPage => None,
            Self::Path { path, .. } => path.as_ref().map(|ReturnPath(path)| path.as_str()),
            Self::Application(application) => Some(&application.sealed),
        }
    }

    pub(crate) const fn application(&self) -> Option<&Application> {
        match self {
            Self::OwnPage | Self::Path { .. } => None,
            Self::Application(application) => Some(application),
        }
    }

    pub(crate) fn conversation_id(&self) -> Option<ConversationId> {
        self.application().map(|application| application.conversation.id)
    }

    /// Returns the name of the application.
    pub(crate) fn name(&self) -> Option<&str> {
        self.application().map(|application| application.name.as_str())
    }

    /// Returns the origin of the application. The policy of the page must allow this origin for forms, because the
    /// answer to a form may redirect the browser to the application.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.application().and_then(|application| origin_of(&application.conversation.request.reply.redirect_uri))
    }
}

/// Returns the path of the sign-in page of a conversation. `sealed` may be any text that a form sent.
pub(crate) fn address(tenant: &str, sealed: &str) -> String {
    let sealed: String = form_urlencoded::byte_serialize(sealed.as_bytes()).collect();
    format!("/{tenant}/sign-in?request={sealed}")
}

/// Returns the path of the sign-in page of a page behind the proxy.
pub(crate) fn forward_auth_address(tenant: &str, path: Option<&ReturnPath>) -> String {
    let query = |path: &str| Serializer::for_suffix(String::from("?"), 1).append_pair("request", path).finish();
    let query = path.map(|ReturnPath(path)| query(path));
    format!("/{tenant}/forward-auth/sign-in{}", query.unwrap_or_default())
}

/// The longest path, in octets.
const MAX_PATH: usize = 2 * 1024;
