//! All stages in one call, for an asynchronous replay cache. The stages are the same as in the synchronous calls. The
//! first four stages run at the first poll of the future, and only the admission is awaited.

use super::admission::AskLater;
use super::{Validator, refuse_token};
use crate::accept::{Accepted, Arrival, AuthorizedRequest, Negotiation, ReadStep, Request};
use crate::negotiate::{Refused, Step};
use crate::observe::{self, Stage, StageSpan, in_stage};
use crate::randomness::Randomness;
use crate::replay::{Admission, AsyncReplayCache};
use crate::time::UnixTime;
use core::future::poll_fn;
use core::pin::pin;

/// All stages in one call, with an awaited admission ([`AsyncReplayCache`]).
///
/// The futures are [`Send`] if threads can share the replay cache. A future that is dropped admits no client.
impl<R: AsyncReplayCache> Validator<R> {
    /// Validates an `Authorization` value like [`validate_header`](Self::validate_header), and awaits the admission.
    ///
    /// # Errors
    /// Returns [`Refused`] with any error, and with `not-negotiate` if the value holds no Negotiate token.
    pub async fn validate_header_async<'c>(
        &self,
        value: impl AsRef<[u8]>,
        arrival: impl Into<Arrival<'c>>,
    ) -> Result<Accepted, Refused> {
        let token = self.decode_header(value)?;
        self.validate_ticket_async(&token, arrival).await
    }

    /// Validates a token like [`validate_ticket`](Self::validate_ticket), and awaits the admission.
    ///
    /// # Errors
    /// Returns [`Refused`] with any error except `not-negotiate`.
    pub async fn validate_ticket_async<'c>(
        &self,
        token: &[u8],
        arrival: impl Into<Arrival<'c>>,
    ) -> Result<Accepted, Refused> {
        let arrival = arrival.into();
        match in_stage(Stage::Read, || Request::read(token, &self.policy)) {
            Ok(request) => {
                let verdict = self.decide_async(&request, &arrival).await;
                observe::verdict(&verdict, Some(&request.key_query()), Some(arrival.now));
                verdict
            }
            Err(refusal) => Err(refuse_token(refusal, token)),
        }
    }

    /// Handles one token of a negotiation like [`converse`](Self::converse), and awaits the admission.
    ///
    /// If the future is dropped, the client must restart the negotiation. A `negotiation` can be used for one call
    /// only, even if the future of this call is dropped.
    ///
    /// # Errors
    /// Returns [`Refused`] with any error except `not-negotiate`.
    pub async fn converse_async<'c>(
        &self,
        token: &[u8],
        negotiation: Option<&Negotiation>,
        randomness: &Randomness,
        arrival: impl Into<Arrival<'c>>,
    ) -> Result<Step, Refused> {
        let arrival = arrival.into();
        match self.read_step(token, negotiation)? {
            ReadStep::Request(request) => {
                let decided = self.decide_async(&request, &arrival).await;
                let step = decided.map(|accepted| accepted.step(randomness, arrival.now));
                observe::step(&step, &request.key_query(), arrival.now);
                step
            }
            ReadStep::Offer(offer) => Ok(Step::Continue(offer.accept())),
        }
    }

    /// Fifth stage: admits the request like [`admit`](Self::admit), and awaits the replay cache's answer.
    ///
    /// # Errors
    /// Returns [`Refused`] with `replay`, `replay-cache-full` or `replay-cache-failed`.
    pub async fn admit_async(
        &self,
        authorized: AuthorizedRequest,
        now: impl Into<UnixTime>,
    ) -> Result<Accepted, Refused> {
        let now = now.into();
        let admission = self.ask(&authorized, now).await;
        let verdict = authorized.admitted(admission, now);
        observe::verdict(&verdict, None, Some(now));
        verdict
    }

    async fn decide_async(&self, request: &Request<'_>, arrival: &Arrival<'_>) -> Result<Accepted, Refused> {
        let authorized = self.authorized(request, arrival, AskLater { krb_errors: self.policy.krb_errors })?;
        let admission = self.ask(&authorized, arrival.now).await;
        authorized.admitted(admission, arrival.now)
    }

    /// Asks the replay cache. Every poll of the cache's future enters the span of the stage.
    async fn ask(&self, authorized: &AuthorizedRequest, now: UnixTime) -> Admission {
        let span = StageSpan::of(Stage::Admit);
        let entry = self.entry_of(authorized);
        let mut answer = pin!(self.replay.admit(&entry, now));
        poll_fn(|context| span.run(|| answer.as_mut().poll(context))).await
    }
}
