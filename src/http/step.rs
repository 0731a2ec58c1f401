//! The server's next step for a request: it challenges the client, asks the client to continue, signs the user in, or
//! falls back.

use crate::accept::{Accepted, Arrival};
use crate::identity::IdentityRef;
use crate::negotiate::{Continue, Refused, RoundTrips, Step};
use crate::randomness::Randomness;
use crate::replay::{AsyncReplayCache, ReplayCache};
use crate::unprinted::Unprinted;
use crate::validator::Validator;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

impl<R: ReplayCache> Validator<R> {
    /// Decides an HTTP request by all its `Authorization` values, in their order.
    ///
    /// With [`RoundTrips::One`] the server keeps no state between two requests, and no step is [`SignInStep::Continue`].
    /// One round trip is enough for browsers. With [`RoundTrips::Many`] clients may send several tokens. The caller
    /// then passes the state of [`Continue::into_negotiation`] with the client's next request.
    pub fn sign_in<'c, V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
        round_trips: RoundTrips<'_>,
        randomness: &Randomness,
        arrival: impl Into<Arrival<'c>>,
    ) -> SignInStep {
        let token = match self.token_or_step(authorization) {
            Ok(token) => token,
            Err(step) => return step,
        };
        match round_trips {
            RoundTrips::One => SignInStep::from_verdict(self.validate_ticket(&token, arrival), randomness),
            RoundTrips::Many(negotiation) => {
                SignInStep::from_step(self.converse(&token, negotiation, randomness, arrival))
            }
        }
    }
}

impl<R: AsyncReplayCache> Validator<R> {
    /// Decides an HTTP request like [`sign_in`](Self::sign_in), and awaits the replay cache ([`AsyncReplayCache`]). If
    /// the future is dropped, no user is signed in.
    pub async fn sign_in_async<'c, V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
        round_trips: RoundTrips<'_>,
        randomness: &Randomness,
        arrival: impl Into<Arrival<'c>>,
    ) -> SignInStep {
        match self.token_or_step(authorization) {
            Ok(token) => self.sign_in_by_token(&token, round_trips, randomness, arrival.into()).await,
            Err(step) => step,
        }
    }

    pub(crate) async fn sign_in_by_token(
        &self,
        token: &[u8],
        round_trips: RoundTrips<'_>,
        randomness: &Randomness,
        arrival: Arrival<'_>,
    ) -> SignInStep {
        match round_trips {
            RoundTrips::One => SignInStep::from_verdict(self.validate_ticket_async(token, arrival).await, randomness),
            RoundTrips::Many(negotiation) => {
                SignInStep::from_step(self.converse_async(token, negotiation, randomness, arrival).await)
            }
        }
    }
}

impl<R> Validator<R> {
    /// Returns the token of a request, or the server's next step if the request has no token.
    pub(crate) fn token_or_step<V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
    ) -> Result<Vec<u8>, SignInStep> {
        match self.negotiate_token(authorization) {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(SignInStep::Challenge),
            Err(refused) => Err(SignInStep::FallBack(refused)),
        }
    }
}

/// The server's next step for a request.
///
/// This enum is exhaustive, because a server must handle every variant. A new variant would be a breaking change.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "a box would allocate, and a refusal must not allocate")]
pub enum SignInStep {
    /// The request carries no Negotiate token. The server answers 401 with `WWW-Authenticate: Negotiate`, or shows,
    /// without a challenge, a page for all users.
    Challenge,
    /// The client must send another token. The server answers 401 with the token in this step.
    Continue(Continue),
    /// The client's identity is proved.
    SignedIn(Box<SignedIn>),
    /// The client cannot sign in with Kerberos. The server offers another way to sign in, or answers 403. The server does
    /// not challenge the client again.
    FallBack(Refused),
}

impl SignInStep {
    /// Makes the server's next step from a step of a negotiation ([`Validator::converse`]).
    pub fn from_step(step: Result<Step, Refused>) -> Self {
        match step {
            Ok(Step::Accepted(accepted, answer)) => Self::SignedIn(Box::new(SignedIn {
                accepted,
                www_authenticate: answer.www_authenticate().map(Unprinted),
            })),
            Ok(Step::Continue(next)) => Self::Continue(next),
            Err(refused) => Self::FallBack(refused),
        }
    }

    /// Makes the server's next step from a verdict ([`Validator::validate_ticket`], or the stages). The answer is made with
    /// `randomness`.
    pub fn from_verdict(verdict: Result<Accepted, Refused>, randomness: &Randomness) -> Self {
        match verdict {
            Ok(accepted) => {
                let www_authenticate = accepted.answer(randomness).www_authenticate().map(Unprinted);
                Self::SignedIn(Box::new(SignedIn { accepted, www_authenticate }))
            }
            Err(refused) => Self::FallBack(refused),
        }
    }

    /// Returns the status of the response. The status is 401 for a challenge or a continued negotiation. The status is
    /// 200 for a signed-in client, unless the page has another status. The status is 403 for a failed client, unless
    /// the server offers another way to sign in: a status 401 would be a challenge (RFC 9110 section 15.5.2).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Challenge | Self::Continue(_) => 401,
            Self::SignedIn(_) => 200,
            Self::FallBack(_) => 403,
        }
    }

    /// Returns the `WWW-Authenticate` value of the response, if it has one.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<String> {
        match self {
            Self::Challenge => Some(CHALLENGE.into()),
            Self::Continue(next) => Some(next.www_authenticate()),
            Self::SignedIn(signed_in) => signed_in.www_authenticate().map(Into::into),
            Self::FallBack(_) => None,
        }
    }
}

/// A client whose identity is proved.
#[derive(Debug)]
#[must_use]
pub struct SignedIn {
    accepted: Accepted,
    www_authenticate: Option<Unprinted<String>>,
}

impl SignedIn {
    /// Returns the user's identity.
    pub fn identity(&self) -> IdentityRef<'_> {
        self.accepted.identity()
    }

    /// Returns the accepted request.
    pub const fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// Returns the accepted request as a value that the caller can keep.
    pub fn into_accepted(self) -> Accepted {
        self.accepted
    }

    /// Returns the `WWW-Authenticate` value for the response that signs the user in, or `None` if the client waits for no
    /// token.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&str> {
        self.www_authenticate.as_ref().map(|value| value.as_str())
    }
}

/// The Negotiate scheme without a token (RFC 4559 section 4.1).
const CHALLENGE: &str = "Negotiate";
