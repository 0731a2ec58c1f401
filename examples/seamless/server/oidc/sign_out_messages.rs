//! Tells clients that a user has signed out: by a logout token from server to server, and by a frame in the browser.
//!
//! A logout token stays in the [`LogoutQueue`] as a message until the client has it, or until the server gives the
//! message up. Each node looks into the queue for messages that are due ([`keep_sending`]).

use super::back_channel::{BackChannel, Outcome};
use super::clients::RegisteredClient;
use super::front_channel::Frames;
use super::logout_queue::{LogoutQueue, PARTS, Pending};
use super::participants;
use super::token::session_id;
use super::user::User;
use crate::app::{App, Shared};
use crate::clock;
use crate::native::in_background;
use crate::session::Session;
use crate::signing::TokenType;
use crate::store::StoreError;
use crate::tenants::Tenant;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::UnixTime;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

/// Tells the clients of a stay that its user has signed out, and returns the frames for the browser. A failure is only
/// logged, because the user is signed out of this server in any case.
pub(crate) async fn tell(app: &App, session: &Session) -> Frames {
    let told = async {
        let listed = participants::of(&app.records, &session.stay).await?;
        let Some(tenant) = app.tenants.get(&session.tenant).filter(|_| !listed.is_empty()) else {
            return Ok(Frames::default());
        };
        let clients: Vec<_> = listed.iter().filter_map(|client_id| tenant.clients.get(client_id)).collect();
        if let Some(user) = User::of_session(&session.identity) {
            let messages = clients.iter().filter(|client| client.backchannel_logout_uri.is_some());
            let messages = messages.map(|client| message(app, &tenant, session, &user, client)).collect();
            begin(app, &tenant, messages).await?;
        }
        // The messages are in the queue now, so the list of clients is no longer needed. If the node stops before it
        // deletes the list, the clients get the messages at most once more.
        participants::forget(&app.records, &session.stay).await?;
        Ok::<_, StoreError>(Frames::of_stay(
            app.records.secret(),
            &app.issuer(&tenant),
            &session.stay,
            clients.into_iter(),
        ))
    };
    told.await.unwrap_or_else(|error| {
        tracing::error!(tenant = %session.tenant, "the clients are not told of a sign-out: {error}");
        Frames::default()
    })
}

fn message(app: &App, tenant: &Tenant, session: &Session, user: &User, client: &RegisteredClient) -> Pending {
    let secret = app.records.secret();
    let subject = user.subject(secret, &tenant.name, client.sector());
    Pending::new(&session.stay, client.id.clone(), subject, session_id(secret, &client.id, &session.stay), clock::now())
}

/// Stores messages, and sends as many of them as the limit of this node allows.
async fn begin(app: &App, tenant: &Tenant, messages: Vec<Pending>) -> Result<(), StoreError> {
    let places = app.back_channel.places(messages.len());
    let claimed = app.logouts.add(&tenant.name, messages, places.len(), clock::now()).await?;
    send_all(app, tenant, claimed, places);
    Ok(())
}

/// Sends the messages that are due, for as long as the server runs.
pub(crate) async fn keep_sending(app: Shared) {
    loop {
        send_due(&app, clock::now()).await;
        sleep(LOOK_EVERY).await;
    }
}

/// Sends the messages that are due at `now`. These are messages whose last try failed, messages that no node has
/// claimed yet, and messages of a node that stopped.
pub(super) async fn send_due(app: &App, now: UnixTime) {
    for tenant in app.tenants.all().filter(|tenant| tenant.clients.hear_by_back_channel()) {
        for part in 0..PARTS {
            let places = app.back_channel.places(MOST_AT_ONCE);
            match app.logouts.claim(&tenant.name, part, places.len(), now).await {
                Ok(claimed) => send_all(app, tenant, claimed, places),
                Err(error) => {
                    tracing::warn!(tenant = %tenant.name, "messages about sign-outs wait: {error}");
                    return;
                }
            }
        }
    }
}

fn send_all(app: &App, tenant: &Tenant, claimed: Vec<Pending>, places: Vec<OwnedSemaphorePermit>) {
    for (message, place) in claimed.into_iter().zip(places) {
        let delivery = Delivery {
            sender: app.back_channel.clone(),
            queue: app.logouts.clone(),
            tenant: tenant.clone(),
            issuer: app.issuer(tenant),
        };
        tokio::spawn(async move {
            if let Err(error) = delivery.deliver(&message).await {
                tracing::warn!(
                    client_id = message.client_id,
                    "a message about a sign-out is sent again after its lease: {error}"
                );
            }
            drop(place);
        });
    }
}

/// The values that a task needs to send one message.
struct Delivery {
    sender: BackChannel,
    queue: LogoutQueue,
    tenant: Tenant,
    issuer: String,
}

impl Delivery {
    /// Tries once to deliver a message.
    async fn deliver(&self, message: &Pending) -> Result<(), StoreError> {
        let (tenant, client_id) = (&self.tenant.name, &message.client_id);
        let client = self.tenant.clients.get(client_id);
        let Some((client, address)) = client.and_then(|client| Some((client, client.backchannel_logout_uri.as_ref()?)))
        else {
            // The configuration no longer has the client or its address, so the message is dropped.
            return self.queue.finish(tenant, message, clock::now()).await;
        };
        let Some(body) = self.body(client, message).await? else {
            tracing::error!(client_id, "a client is not told of a sign-out: the server could not sign a logout token");
            return self.queue.finish(tenant, message, clock::now()).await;
        };
        match self.sender.attempt(address, &body).await {
            Outcome::Done => {
                tracing::info!(client_id, "told a client of a sign-out");
                self.queue.finish(tenant, message, clock::now()).await
            }
            Outcome::Refused => {
                tracing::warn!(client_id, address, "a client is not told of a sign-out: it refuses the message");
                self.queue.finish(tenant, message, clock::now()).await
            }
            Outcome::Again => {
                let is_postponed = self.queue.postpone(tenant, message, clock::now()).await?;
                tracing::warn!(client_id, address, is_postponed, "a client cannot be told of a sign-out");
                Ok(())
            }
        }
    }

    /// Returns the form with the logout token. Each try gets a new token, because a token is valid for two minutes
    /// only.
    async fn body(&self, client: &RegisteredClient, message: &Pending) -> Result<Option<String>, StoreError> {
        let now = clock::now();
        let (keys, claims) = (self.tenant.signing.keys(now).await?, self.claims(message, now));
        let algorithm = client.id_token_signed_response_alg;
        let sign = move || keys.token(algorithm, TokenType::Logout, &claims, now);
        let token = in_background(sign).await.ok().flatten();
        let form = |token: String| {
            form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish()
        };
        Ok(token.map(form))
    }

    /// Returns the claims of a logout token (section 2.4 of the specification). A logout token must have no `nonce`, so
    /// that no client takes it for an ID token.
    fn claims(&self, message: &Pending, now: UnixTime) -> Value {
        json!({
            "iss": self.issuer,
            "sub": message.subject,
            "aud": message.client_id,
            "iat": now.seconds(),
            "exp": now.saturating_add_seconds(LIFETIME).seconds(),
            "jti": URL_SAFE_NO_PAD.encode(clock::random::<16>()),
            "sid": message.session,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    }
}

/// The lifetime of a logout token, in seconds. Section 2.4 recommends two minutes at most.
const LIFETIME: i64 = 120;

/// The time after which a node looks for due messages again.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The largest number of messages that a node takes from a list at once.
const MOST_AT_ONCE: usize = 16;
