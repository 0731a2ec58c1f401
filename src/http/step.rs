//! What a server does with a request: challenge it, go on with it, let it in, or fall back to another way to sign in.

use crate::accept::{Accepted, Connection, Negotiation};
use crate::error::Error;
use crate::identity::IdentityRef;
use crate::negotiate::{Next, Turn};
use crate::randomness::Randomness;
use crate::replay::ReplayCache;
use crate::time::UnixTime;
use crate::validator::Validator;
use alloc::boxed::Box;
use alloc::string::String;

impl<R: ReplayCache> Validator<R> {
    /// Decides a request by its `Authorization` values, all of them, in their order. `negotiation` is what
    /// [`Leg::into_negotiation`] gave in answer to this client's request before, `None` at first.
    pub fn sign_in<V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
        negotiation: Option<&Negotiation>,
        connection: &Connection<'_>,
        randomness: &Randomness,
        now: UnixTime,
    ) -> SignInStep {
        self.step(authorization, |token| {
            SignInStep::of_turn(self.converse(token, negotiation, connection, randomness, now))
        })
    }
}

/// For servers that keep nothing between two requests.
impl<R: ReplayCache> Validator<R> {
    /// Decides a request by its `Authorization` values, as the only one of its conversation: there is no
    /// [`SignInStep::Continue`]. Browsers need no more; clients that would, fall back.
    pub fn sign_in_at_once<V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
        connection: &Connection<'_>,
        randomness: &Randomness,
        now: UnixTime,
    ) -> SignInStep {
        self.step(authorization, |token| {
            SignInStep::of_accepted(self.validate_ticket_on(token, connection, now), randomness)
        })
    }

    fn step<V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
        decide: impl FnOnce(&[u8]) -> SignInStep,
    ) -> SignInStep {
        match self.negotiate_token(authorization) {
            Ok(None) => SignInStep::Challenge,
            Ok(Some(token)) => decide(&token),
            Err(error) => SignInStep::FallBack(FallBack { error }),
        }
    }
}

/// What to do with a request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a refusal allocates nothing")]
pub enum SignInStep {
    /// The request carries nothing for Negotiate. It is told that it may: 401 and `WWW-Authenticate: Negotiate`. A server
    /// with a page for everybody may as well show that, without a challenge.
    Challenge,
    /// The client goes on: 401, and a token for it.
    Continue(Leg),
    /// The client is who it says.
    SignedIn(Box<SignedIn>),
    /// The client cannot sign in this way: show it another one, or 403, and do not challenge it.
    FallBack(FallBack),
}

impl SignInStep {
    /// The step for a turn of a conversation.
    #[must_use]
    pub fn of_turn(verdict: Result<Turn, Error>) -> Self {
        match verdict {
            Ok(Turn::Accepted(accepted, answer)) => {
                Self::SignedIn(Box::new(SignedIn { accepted, header: answer.header() }))
            }
            Ok(Turn::Next(next)) => Self::Continue(Leg::from(next)),
            Err(error) => Self::FallBack(FallBack { error }),
        }
    }

    /// The step for a request that was decided as the only one of its conversation. `randomness` is for its answer.
    #[must_use]
    pub fn of_accepted(verdict: Result<Accepted, Error>, randomness: &Randomness) -> Self {
        match verdict {
            Ok(accepted) => {
                let header = accepted.answer(randomness).header();
                Self::SignedIn(Box::new(SignedIn { accepted, header }))
            }
            Err(error) => Self::FallBack(FallBack { error }),
        }
    }

    /// The status of the response: 401 while the client is to go on; 200, or whatever the page has, once it is in; 403,
    /// unless the server shows another way in, where it failed. A 401 would be a challenge (RFC 9110 section 15.5.2).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Challenge | Self::Continue(_) => 401,
            Self::SignedIn(_) => 200,
            Self::FallBack(_) => 403,
        }
    }

    /// The `WWW-Authenticate` value of the response, if it has one.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&str> {
        match self {
            Self::Challenge => Some(CHALLENGE),
            Self::Continue(leg) => Some(leg.header()),
            Self::SignedIn(signed_in) => signed_in.header(),
            Self::FallBack(_) => None,
        }
    }
}

/// A conversation that is not over.
#[derive(Debug)]
pub struct Leg {
    header: String,
    negotiation: Negotiation,
}

impl Leg {
    /// The `WWW-Authenticate` value, with the token for the client.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// What must be there with the client's next request.
    #[must_use]
    pub const fn negotiation(&self) -> &Negotiation {
        &self.negotiation
    }

    /// As [`negotiation`](Self::negotiation), to keep it.
    #[must_use]
    pub fn into_negotiation(self) -> Negotiation {
        self.negotiation
    }
}

impl From<Next> for Leg {
    fn from(next: Next) -> Self {
        Self { header: next.header(), negotiation: next.into_negotiation() }
    }
}

/// A client that is who it says.
#[derive(Debug)]
pub struct SignedIn {
    accepted: Accepted,
    header: Option<String>,
}

impl SignedIn {
    /// Who the user is.
    #[must_use]
    pub fn identity(&self) -> IdentityRef<'_> {
        self.accepted.identity()
    }

    /// The accepted request.
    #[must_use]
    pub const fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// The accepted request, to keep it.
    #[must_use]
    pub fn into_accepted(self) -> Accepted {
        self.accepted
    }

    /// The `WWW-Authenticate` value for the response that lets the client in. `None` for a client that waits for none.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }
}

/// A client that cannot sign in this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallBack {
    error: Error,
}

impl FallBack {
    /// Why: for the log, and not for the client.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.error
    }

    /// Why, to keep it.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.error
    }
}

impl From<Error> for FallBack {
    fn from(error: Error) -> Self {
        Self { error }
    }
}

/// RFC 4559 section 4.1: the scheme without a token.
const CHALLENGE: &str = "Negotiate";
