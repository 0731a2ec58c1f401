//! The entry point of the crate: a validator, which has keys, a policy and a replay cache. The stages of a validation are its
//! methods.

mod admission;
mod awaited;

use crate::accept::authorize::authorize;
use crate::accept::open::open;
use crate::accept::verify::{Verified, verify};
use crate::accept::{
    Accepted, Arrival, AuthorizedRequest, Negotiation, OpenedTicket, ReadRefusal, ReadStep, Request, VerifiedRequest,
};
use crate::error::Error;
use crate::keys::{Account, Candidates, KeyQuery, KeySet, ServiceKey};
use crate::negotiate::{Refused, Step};
use crate::observe::{self, Stage, in_stage};
use crate::policy::Policy;
use crate::randomness::Randomness;
use crate::replay::{Admission, ReplayCache, ReplayEntry};
use crate::time::UnixTime;
use crate::wire::header;
use admission::{AskAtOnce, OnAuthorized};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A validator of tickets, with the server's keys, policy and replay cache.
///
/// | you have | call |
/// |---|---|
/// | an `Authorization` value | [`validate_header`](Self::validate_header) |
/// | a token from SASL, LDAP or a database protocol | [`validate_ticket`](Self::validate_ticket) |
/// | all `Authorization` values of an HTTP request, and a page to show | [`sign_in`](Self::sign_in) |
#[cfg_attr(feature = "tower", doc = "| a `tower` or axum server | [`NegotiateLayer`](crate::tower::NegotiateLayer) |")]
#[cfg_attr(not(feature = "tower"), doc = "| a `tower` or axum server | `NegotiateLayer`, with the feature `tower` |")]
/// | clients that send several tokens (another mechanism first, DCE style) | [`converse`](Self::converse) |
/// | your own code that must run between two stages | the stages: [`read`](Self::read) or [`read_step`](Self::read_step) → [`open`](Self::open) → [`verify`](Self::verify) → [`authorize`](Self::authorize) → [`admit`](Self::admit) |
/// | keys in a database | the stages, with [`open_with`](Self::open_with) instead of `open` |
/// | a replay cache that is asked over a network ([`AsyncReplayCache`](crate::replay::AsyncReplayCache)) | [`validate_header_async`](Self::validate_header_async), [`validate_ticket_async`](Self::validate_ticket_async), [`converse_async`](Self::converse_async), [`sign_in_async`](Self::sign_in_async) or [`admit_async`](Self::admit_async) |
/// | a replay cache that your own code asks | the stages of a [`staged`](Validator::staged) validator, and [`AuthorizedRequest::admit`] |
/// | a refused token that you want to explain | [`TokenInfo`](crate::negotiate::TokenInfo) |
///
/// All of these calls except `TokenInfo` run the same stages. If a call refuses a request, it returns a [`Refused`], with the
/// error for the log and the token for the client.
///
/// ```
/// use kerberos_sso::replay::MemoryReplayCache;
/// use kerberos_sso::{Account, KeySet, Policy, UnixTime, Validator};
///
/// let now = UnixTime::from_seconds(1_795_000_000); // a server passes SystemTime::now()
/// let keys = KeySet::from(Account::new("HTTP/www.example.com", "EXAMPLE.COM"));
/// let policy = Policy::default();
/// let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), now);
/// let validator = Validator::new(keys, policy, cache);
///
/// match validator.validate_header("Negotiate TlRMTVNTUAABAAAA", now) {
///     Ok(accepted) => println!("{} signed in", accepted.identity()),
///     Err(refused) => println!("{}: {refused}", refused.code()),
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Validator<R = ()> {
    keys: Arc<KeySet>,
    policy: Arc<Policy>,
    replay: Arc<R>,
    /// The clock skew of the policy that [`new`](Self::new) got, in seconds. No validator that
    /// [`with_policy`](Self::with_policy) made from this validator has a longer skew. So the cache remembers each
    /// authenticator until the client's time plus this skew.
    longest_skew: i64,
}

/// The functions that make a validator, and that return its parts.
impl<R> Validator<R> {
    /// Makes a validator. `replay` is a [`ReplayCache`] or an [`AsyncReplayCache`](crate::replay::AsyncReplayCache). To share
    /// a cache with other validators, give an `Arc` of the cache.
    ///
    /// Make one validator when the server starts, and share it. If each request had its own validator and replay cache,
    /// every replay would be admitted.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kerberos_sso::replay::MemoryReplayCache;
    /// use kerberos_sso::{ComputerAccount, KeySet, Password, Policy, Validator};
    /// use std::time::SystemTime;
    ///
    /// let account = ComputerAccount::new("WEB$", "EXAMPLE.COM").with_password(&Password::from_text("A.Long.Secret.1"), None);
    /// let policy = Policy::default().with_services(["HTTP/www.example.com"]);
    /// let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), SystemTime::now().into());
    /// let validator = Validator::new(KeySet::from(account), policy, cache);
    /// # }
    /// ```
    pub fn new(keys: impl Into<Arc<KeySet>>, policy: Policy, replay: R) -> Self {
        let (keys, longest_skew) = (keys.into(), policy.clock_skew);
        observe::keys_in_use(&keys, &policy);
        Self { keys, policy: Arc::new(policy), replay: Arc::new(replay), longest_skew }
    }

    /// Returns a validator with other keys, and the same policy and replay cache, for a key rollover. Requests in flight keep
    /// the old keys, and the last of these requests drops the old keys. If the old key set is large, see [`KeySet`].
    pub fn with_keys(&self, keys: impl Into<Arc<KeySet>>) -> Self {
        let keys = keys.into();
        observe::keys_in_use(&keys, &self.policy);
        Self { keys, ..self.clone() }
    }

    /// Returns a validator with another policy, and the same keys and replay cache.
    ///
    /// The new validator has the shorter clock skew of the two policies. The replay cache forgets authenticators according to
    /// the skew for which it was made, so a longer skew would allow replays. For a longer skew, make a new cache and a new
    /// validator.
    ///
    /// If the new skew is shorter, the cache still remembers authenticators for the longer skew, because validators with both
    /// skews share the cache.
    pub fn with_policy(&self, policy: Policy) -> Self {
        let clock_skew = policy.clock_skew().min(self.policy.clock_skew());
        Self { policy: Arc::new(policy.with_clock_skew(clock_skew)), ..self.clone() }
    }

    #[cfg(feature = "std")]
    pub(crate) fn into_keys(self) -> Arc<KeySet> {
        self.keys
    }

    /// Returns the policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl Validator {
    /// Makes a validator without a replay cache. Such a validator has only the first four stages. For the fifth stage, the
    /// caller asks its own store, and passes the answer to [`AuthorizedRequest::admit`].
    pub fn staged(keys: impl Into<Arc<KeySet>>, policy: Policy) -> Self {
        Self::new(keys, policy, ())
    }
}

/// All stages in one call.
impl<R: ReplayCache> Validator<R> {
    /// Validates an `Authorization` value (`Negotiate YII…`).
    ///
    /// `arrival` is the present time, or an [`Arrival`] with the server's knowledge of the connection.
    ///
    /// # Errors
    /// Returns [`Refused`] with any error of the crate. The error is `not-negotiate` if the value holds no Negotiate token.
    pub fn validate_header<'c>(
        &self,
        value: impl AsRef<[u8]>,
        arrival: impl Into<Arrival<'c>>,
    ) -> Result<Accepted, Refused> {
        self.validate_ticket(&self.decode_header(value)?, arrival)
    }

    /// Validates a token from SASL, LDAP or a database protocol, or a token that [`decode_header`](Self::decode_header)
    /// returned.
    ///
    /// `arrival` is the present time, or an [`Arrival`] with the server's knowledge of the connection.
    ///
    /// # Errors
    /// Returns [`Refused`] with any error except `not-negotiate`.
    pub fn validate_ticket<'c>(&self, token: &[u8], arrival: impl Into<Arrival<'c>>) -> Result<Accepted, Refused> {
        let arrival = arrival.into();
        match in_stage(Stage::Read, || Request::read(token, &self.policy)) {
            Ok(ref request) => self.validate(request, &arrival),
            Err(refusal) => Err(refuse_token(refusal, token)),
        }
    }

    /// Handles one token of a negotiation and returns the next step. `negotiation` is the state from the step before
    /// ([`Continue::into_negotiation`](crate::negotiate::Continue::into_negotiation)), or `None` for a first token. The
    /// client may restart the negotiation at any point.
    ///
    /// Use this method instead of [`validate_ticket`](Self::validate_ticket) if some clients need more than one token. These
    /// clients prefer another mechanism, send no ticket with their first token, or use DCE style. For all other clients, the
    /// first step is the last step.
    ///
    /// # Errors
    /// Returns [`Refused`] with any error except `not-negotiate`.
    pub fn converse<'c>(
        &self,
        token: &[u8],
        negotiation: Option<&Negotiation>,
        randomness: &Randomness,
        arrival: impl Into<Arrival<'c>>,
    ) -> Result<Step, Refused> {
        let arrival = arrival.into();
        match self.read_step(token, negotiation)? {
            ReadStep::Request(request) => {
                let step = self.decide(&request, &arrival).map(|accepted| accepted.step(randomness, arrival.now));
                observe::step(&step, &request.key_query(), arrival.now);
                step
            }
            ReadStep::Offer(offer) => Ok(Step::Continue(offer.accept())),
        }
    }

    /// Runs all stages after the first, and reports the verdict.
    fn validate(&self, request: &Request<'_>, arrival: &Arrival<'_>) -> Result<Accepted, Refused> {
        let verdict = self.decide(request, arrival);
        observe::verdict(&verdict, Some(&request.key_query()), Some(arrival.now));
        verdict
    }

    /// Runs all stages after the first.
    fn decide(&self, request: &Request<'_>, arrival: &Arrival<'_>) -> Result<Accepted, Refused> {
        self.authorized(request, arrival, AskAtOnce { replay: &*self.replay, now: arrival.now })
    }

    /// Fifth stage: admits the request if this validator's replay cache has not seen the authenticator. `now` is the present
    /// time. If the earlier stages took long, this time is later than the time that those stages used.
    ///
    /// # Errors
    /// Returns [`Refused`] with `replay`, `replay-cache-full` or `replay-cache-failed`.
    pub fn admit(&self, authorized: AuthorizedRequest, now: impl Into<UnixTime>) -> Result<Accepted, Refused> {
        let now = now.into();
        let admission = in_stage(Stage::Admit, || self.replay.check_and_insert(&self.entry_of(&authorized), now));
        let verdict = authorized.admitted(admission, now);
        observe::verdict(&verdict, None, Some(now));
        verdict
    }
}

impl<R> Validator<R> {
    /// Returns the replay entry of a request. Another validator may have authorized the request. The entry lives at least as
    /// long as the entries of this validator's own requests.
    fn entry_of<'a>(&self, authorized: &'a AuthorizedRequest) -> ReplayEntry<'a> {
        let entry = authorized.replay_entry();
        let own_end = entry.client_time.saturating_add_seconds(self.longest_skew);
        ReplayEntry { valid_until: entry.valid_until.max(own_end), ..entry }
    }

    /// Runs the second, third and fourth stage, and passes their results to `next`.
    #[inline(always)]
    fn authorized<N: OnAuthorized>(
        &self,
        request: &Request<'_>,
        arrival: &Arrival<'_>,
        next: N,
    ) -> Result<N::Outcome, Refused> {
        let policy = &*self.policy;
        let opened = in_stage(Stage::Open, || open(request, &self.keys, policy, arrival.now));
        let (mut buffer, opened) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(Refused::of_request(error, request.framing())),
        };
        let mut verified = match in_stage(Stage::Verify, || verify(request, &opened, &mut buffer, policy, arrival)) {
            Ok(verified) => verified,
            Err(error) => {
                return Err(Refused::of_opened(error, request, &opened, &mut buffer, policy.krb_errors, arrival.now));
            }
        };
        self.remember(&mut verified);
        let refused = |error| Refused::of_verified(error, &opened, &verified, &buffer, policy.krb_errors, arrival.now);
        let pac = match in_stage(Stage::Authorize, || authorize(&buffer, &opened, &verified, policy)) {
            Ok(pac) => pac,
            Err(error) => return Err(refused(error)),
        };
        match next.check(&buffer, &opened, &verified, pac.as_ref()) {
            Ok(()) => Ok(next.outcome(buffer, opened, verified, pac)),
            Err(error) => Err(refused(error)),
        }
    }

    /// Lets the replay cache remember the request for the longest skew of the validators that share the cache.
    fn remember(&self, verified: &mut Verified) {
        let replay = &mut verified.replay;
        replay.valid_until = replay.client_time.saturating_add_seconds(self.longest_skew);
    }
}

/// The stages.
impl<R> Validator<R> {
    /// Decodes the token in an `Authorization` value.
    ///
    /// # Errors
    /// Returns [`Refused`] with `not-negotiate` or `too-large`.
    pub fn decode_header(&self, value: impl AsRef<[u8]>) -> Result<Vec<u8>, Refused> {
        let token = header::decode(value.as_ref(), self.policy.max_token_size);
        observed(token.map_err(|fault| Refused::before_token(Error::from(fault))), None)
    }

    /// First stage: finds the AP-REQ in a token. This stage uses no key.
    ///
    /// # Errors
    /// Returns [`Refused`] with `too-large`, `malformed`, `ntlm`, `negoex`, `iakerb`, `no-kerberos`, `no-token`,
    /// `user-to-user`, `unsupported-etype`, `rc4-refused` or `service-refused`.
    pub fn read<'t>(&self, token: &'t [u8]) -> Result<Request<'t>, Refused> {
        let request = in_stage(Stage::Read, || Request::read(token, &self.policy));
        request.map_err(|refusal| refuse_token(refusal, token))
    }

    /// First stage of a negotiation: finds the AP-REQ in a token, or an offer of mechanisms that can lead to an AP-REQ.
    /// `negotiation` is the state from the step before. This stage uses no key.
    ///
    /// # Errors
    /// Returns [`Refused`] with the errors of [`read`](Self::read), if the token cannot lead to an AP-REQ.
    pub fn read_step<'t>(
        &self,
        token: &'t [u8],
        negotiation: Option<&'t Negotiation>,
    ) -> Result<ReadStep<'t>, Refused> {
        let step = in_stage(Stage::Read, || ReadStep::read(token, negotiation, &self.policy));
        step.map_err(|refusal| refuse_token(refusal, token))
    }

    /// Second stage: opens the ticket with this validator's keys.
    ///
    /// # Errors
    /// Returns [`Refused`] with `no-key`, `key-version`, `integrity`, `malformed`, `unsupported-etype` or
    /// `rc4-refused`.
    pub fn open<'t>(&self, request: Request<'t>, now: impl Into<UnixTime>) -> Result<OpenedTicket<'t>, Refused> {
        self.open_with(request, &self.keys, now)
    }

    /// Second stage, with keys that the caller fetched for this request. [`Request::key_query`] describes the key that the
    /// ticket needs.
    ///
    /// No part of the request is authenticated yet, so any client can choose the contents of the query. Look up only realms
    /// that you serve, and also remember failed look-ups.
    ///
    /// If several accounts share a key, the key set must hold all these accounts, because a ticket must satisfy the limits of
    /// all of them. Otherwise the client could choose the account and its limits, because the client can write the service's
    /// name and realm. So fetch the accounts by the owner of the key, not by the name in the query. Fetch all principals of
    /// one directory account, and all accounts of a realm whose keys could be the same.
    ///
    /// # Errors
    /// Returns [`Refused`] with the errors of [`open`](Self::open).
    pub fn open_with<'t>(
        &self,
        request: Request<'t>,
        keys: &KeySet,
        now: impl Into<UnixTime>,
    ) -> Result<OpenedTicket<'t>, Refused> {
        let now = now.into();
        let opened = in_stage(Stage::Open, || OpenedTicket::open(request, keys, &self.policy, now));
        observed(opened.map_err(|error| Refused::of_request(error, request.framing())), Some(&request.key_query()))
    }

    /// Returns the keys that [`open`](Self::open) would try on a ticket, the best key first. Use this method to explain why no
    /// key opens a ticket.
    pub fn candidates(
        &self,
        query: &KeyQuery<'_>,
        now: impl Into<UnixTime>,
    ) -> impl Iterator<Item = (&Account, &ServiceKey)> {
        let mut candidates = Candidates::none();
        candidates.choose(&self.keys, query, self.policy.kvno, now.into());
        candidates.into_iter().map(|candidate| (&**candidate.account, candidate.key))
    }

    /// Third stage: checks the ticket, decrypts the authenticator, and checks the authenticator.
    ///
    /// # Errors
    /// Returns [`Refused`] with an error whose [`blame`](crate::Error::blame) is time, policy or proof, but never with
    /// `replay`. Also returns [`Refused`] with `malformed`, `unsupported-etype` or `rc4-refused`.
    pub fn verify<'c>(
        &self,
        mut opened: OpenedTicket<'_>,
        arrival: impl Into<Arrival<'c>>,
    ) -> Result<VerifiedRequest, Refused> {
        let arrival = arrival.into();
        let query = opened.key_query();
        let verdict = match in_stage(Stage::Verify, || opened.verify(&self.policy, &arrival)) {
            Ok(mut verified) => {
                self.remember(&mut verified);
                Ok(VerifiedRequest::new(opened, verified))
            }
            Err(error) => {
                let OpenedTicket { request, buffer, opened } = &mut opened;
                Err(Refused::of_opened(error, request, opened, buffer, self.policy.krb_errors, arrival.now))
            }
        };
        observed(verdict, Some(&query))
    }

    /// Fourth stage: verifies the ticket's PAC, compares the PAC with the ticket, and checks that the account's keys may vouch
    /// for the user.
    ///
    /// # Errors
    /// Returns [`Refused`] with `pac-missing`, `pac-malformed`, `pac-signature`, `pac-mismatch`, `untrusted-domain`,
    /// `account-refused` or `delegation`.
    pub fn authorize(&self, request: VerifiedRequest) -> Result<AuthorizedRequest, Refused> {
        let verdict = match in_stage(Stage::Authorize, || request.authorize(&self.policy)) {
            Ok(pac) => Ok(AuthorizedRequest::new(request, pac, self.policy.krb_errors)),
            Err(error) => {
                let VerifiedRequest { buffer, opened, verified } = &request;
                Err(Refused::of_verified(error, opened, verified, buffer, self.policy.krb_errors, verified.arrived))
            }
        };
        observed(verdict, None)
    }
}

impl AuthorizedRequest {
    /// Fifth and last stage: admits the request if a replay cache has answered that the authenticator is new.
    ///
    /// # Errors
    /// Returns [`Refused`] with `replay`, `replay-cache-full` or `replay-cache-failed`.
    pub fn admit(self, admission: Admission) -> Result<Accepted, Refused> {
        let arrived = self.verified.arrived;
        let verdict = self.admitted(admission, arrived);
        observe::verdict(&verdict, None, None);
        verdict
    }
}

/// Refuses a token in the first stage.
#[cold]
fn refuse_token(refusal: ReadRefusal<'_>, token: &[u8]) -> Refused {
    let error = refusal.explain(token);
    observe::refused(&error, None);
    Refused::of_token(error, token)
}

/// Reports the result of one of the first four stages.
fn observed<T>(outcome: Result<T, Refused>, query: Option<&KeyQuery<'_>>) -> Result<T, Refused> {
    if let Err(refused) = &outcome {
        observe::refused(refused.error(), query);
    }
    outcome
}

/// Returns another validator with the same keys, policy and replay cache.
impl<R> Clone for Validator<R> {
    fn clone(&self) -> Self {
        let (keys, policy, replay) = (Arc::clone(&self.keys), Arc::clone(&self.policy), Arc::clone(&self.replay));
        Self { keys, policy, replay, longest_skew: self.longest_skew }
    }
}
