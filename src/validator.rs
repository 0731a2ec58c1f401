//! The way in: keys, policy and replay cache together, and the stages as methods.

use crate::accept::{
    Accepted, AuthorizedRequest, Connection, Heard, Negotiation, OpenedTicket, Request, VerifiedRequest,
};
use crate::error::Error;
use crate::keys::{Account, Candidates, KeyQuery, KeySet, ServiceKey};
use crate::negotiate::{Rejection, Turn};
use crate::observe::{self, Entered, Stage};
use crate::policy::Policy;
use crate::randomness::Randomness;
use crate::replay::ReplayCache;
use crate::time::UnixTime;
use crate::wire::header;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Decides requests: the keys of a server, its policy, and its memory of what was seen.
///
/// [`validate_header`](Self::validate_header) and [`validate_ticket`](Self::validate_ticket) do it all. The stages in
/// between are methods too, for servers that fetch a key when they know which, or that share a replay cache over a
/// network:
///
/// [`read`](Self::read) → [`open`](Self::open) → [`verify`](Self::verify) → [`authorize`](Self::authorize) →
/// [`admit`](Self::admit).
#[derive(Debug)]
pub struct Validator<R = ()> {
    keys: Arc<KeySet>,
    policy: Arc<Policy>,
    replay: Arc<R>,
}

/// What a validator is made of.
impl<R> Validator<R> {
    /// A validator with other keys, and the same policy and memory: for a key rollover. Requests that are being decided
    /// keep the old keys, and the last of them drops them: see [`KeySet`] where those are many.
    #[must_use]
    pub fn with_keys(&self, keys: impl Into<Arc<KeySet>>) -> Self {
        Self { keys: keys.into(), ..self.clone() }
    }

    /// Its policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A validator with another policy, and the same keys and memory. The clock skew should stay the same: what was
    /// remembered under a shorter one is forgotten earlier.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { policy: Arc::new(policy), ..self.clone() }
    }
}

/// The whole way at once.
impl<R: ReplayCache> Validator<R> {
    /// A validator. The replay cache may be an `Arc` of one that others use too.
    pub fn new(keys: impl Into<Arc<KeySet>>, policy: Policy, replay: R) -> Self {
        Self { keys: keys.into(), policy: Arc::new(policy), replay: Arc::new(replay) }
    }

    /// Decides an `Authorization` value (`Negotiate YII…`) at `now`.
    ///
    /// # Errors
    /// Any [`Error`]; `not-negotiate` if the value is not for this crate.
    pub fn validate_header(&self, value: impl AsRef<[u8]>, now: UnixTime) -> Result<Accepted, Error> {
        self.validate_header_on(value, &Connection::default(), now)
    }

    /// As [`validate_header`](Self::validate_header), with what is known about the connection.
    ///
    /// # Errors
    /// As [`validate_header`](Self::validate_header).
    pub fn validate_header_on(
        &self,
        value: impl AsRef<[u8]>,
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<Accepted, Error> {
        self.validate_ticket_on(&self.decode_header(value)?, connection, now)
    }

    /// Decides a token, as SASL, LDAP or a database protocol carry it, or as [`decode_header`](Self::decode_header) gives
    /// it, at `now`.
    ///
    /// # Errors
    /// Any [`Error`] but `not-negotiate`.
    pub fn validate_ticket(&self, token: &[u8], now: UnixTime) -> Result<Accepted, Error> {
        self.validate_ticket_on(token, &Connection::default(), now)
    }

    /// As [`validate_ticket`](Self::validate_ticket), with what is known about the connection.
    ///
    /// # Errors
    /// As [`validate_ticket`](Self::validate_ticket).
    pub fn validate_ticket_on(
        &self,
        token: &[u8],
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<Accepted, Error> {
        // The request is looked at where it lies.
        match self.read(token) {
            Ok(ref request) => {
                let verdict = self.decide(request, connection, now);
                observe::verdict(&verdict, Some(&request.key_query()), Some(now));
                verdict
            }
            Err(error) => Err(error),
        }
    }

    /// Takes one token of a conversation, and says what comes next. `negotiation` is what the turn before left to keep;
    /// `None` for a first token. A client that begins anew is let do so.
    ///
    /// This is [`validate_ticket_on`](Self::validate_ticket_on) for clients that need more than one token: that would
    /// rather use another mechanism, sent no ticket at once, or use DCE style. For all others its first turn is the last.
    ///
    /// # Errors
    /// Any [`Error`] but `not-negotiate`; [`reject`](Self::reject) says what to answer.
    pub fn converse(
        &self,
        token: &[u8],
        negotiation: Option<&Negotiation>,
        connection: &Connection<'_>,
        randomness: &Randomness,
        now: UnixTime,
    ) -> Result<Turn, Error> {
        match self.hear(token, negotiation)? {
            Heard::Request(request) => {
                let turn = self.decide(&request, connection, now).map(|accepted| accepted.turn(randomness, now));
                observe::turn(&turn, &request.key_query(), now);
                turn
            }
            Heard::Offer(offer) => Ok(Turn::Next(offer.accept())),
        }
    }

    fn decide(&self, request: &Request<'_>, connection: &Connection<'_>, now: UnixTime) -> Result<Accepted, Error> {
        Accepted::decide(request, &self.keys, &self.policy, &*self.replay, connection, now)
    }

    /// Fifth stage: takes the request if this validator's replay cache has not seen it. Where the stages before took long,
    /// `now` is the present, not the time they went by.
    ///
    /// # Errors
    /// `replay`, `replay-cache-full`, `replay-cache-failed`.
    pub fn admit(&self, authorized: AuthorizedRequest, now: UnixTime) -> Result<Accepted, Error> {
        let stage = Entered::stage(Stage::Admit);
        let admission = self.replay.check_and_insert(&authorized.replay_entry(), now);
        stage.end();
        let verdict = authorized.decide(admission);
        observe::verdict(&verdict, None, Some(now));
        verdict
    }
}

impl Validator {
    /// A validator without a replay cache of its own. It has the first four stages only; the fifth is
    /// [`AuthorizedRequest::admit`], with the answer of the store that remembers.
    pub fn staged(keys: impl Into<Arc<KeySet>>, policy: Policy) -> Self {
        Self { keys: keys.into(), policy: Arc::new(policy), replay: Arc::new(()) }
    }
}

/// The stages.
impl<R> Validator<R> {
    /// The token in an `Authorization` value.
    ///
    /// # Errors
    /// `not-negotiate`, `too-large`.
    pub fn decode_header(&self, value: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        let token = header::decode(value.as_ref(), self.policy.max_token_size);
        observe::outcome(&token, None);
        token
    }

    /// First stage: finds the AP-REQ in a token. No key is used.
    ///
    /// # Errors
    /// `too-large`, `malformed`, `ntlm`, `negoex`, `iakerb`, `no-kerberos`, `no-token`, `user-to-user`,
    /// `unsupported-etype`, `rc4-refused`, `service-refused`.
    pub fn read<'t>(&self, token: &'t [u8]) -> Result<Request<'t>, Error> {
        let _stage = Entered::stage(Stage::Read);
        let request = Request::first(token, &self.policy);
        observe::outcome(&request, None);
        request
    }

    /// First stage of a conversation: finds in a token an AP-REQ, or an offer that leads to one. `negotiation` is what the
    /// turn before left to keep. No key is used.
    ///
    /// # Errors
    /// As [`read`](Self::read), but for what an offer can mend; `negotiation` where the token does not follow on it.
    pub fn hear<'t>(&self, token: &'t [u8], negotiation: Option<&'t Negotiation>) -> Result<Heard<'t>, Error> {
        let _stage = Entered::stage(Stage::Read);
        let heard = Heard::hear(token, negotiation, &self.policy);
        observe::outcome(&heard, None);
        heard
    }

    /// What to answer to a client whose `token` was refused for `error`, in a turn that had `negotiation`. `None` where
    /// the protocol has no answer: the connection, or the status, says it.
    ///
    /// Unless [`Policy::krb_errors`] wants it otherwise, all refusals look the same.
    #[must_use]
    pub fn reject(
        &self,
        token: &[u8],
        negotiation: Option<&Negotiation>,
        error: &Error,
        now: UnixTime,
    ) -> Option<Rejection> {
        self.reject_with(token, negotiation, error, &self.keys, now)
    }

    /// As [`reject`](Self::reject), with keys that were fetched for this request.
    #[must_use]
    pub fn reject_with(
        &self,
        token: &[u8],
        negotiation: Option<&Negotiation>,
        error: &Error,
        keys: &KeySet,
        now: UnixTime,
    ) -> Option<Rejection> {
        Rejection::new(token, negotiation, error, keys, &self.policy, now)
    }

    /// Second stage: opens the ticket with this validator's keys.
    ///
    /// # Errors
    /// `no-key`, `key-version`, `integrity`, `malformed`, `unsupported-etype`, `rc4-refused`.
    pub fn open<'t>(&self, request: Request<'t>, now: UnixTime) -> Result<OpenedTicket<'t>, Error> {
        self.open_with(request, &self.keys, now)
    }

    /// Second stage, with keys that were fetched for this request: [`Request::key_query`] says which it needs.
    ///
    /// Nothing is authenticated yet, and a stranger chooses what is asked for. Look up realms that you serve only, and
    /// remember what you did not find.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with<'t>(&self, request: Request<'t>, keys: &KeySet, now: UnixTime) -> Result<OpenedTicket<'t>, Error> {
        let _stage = Entered::stage(Stage::Open);
        let opened = OpenedTicket::open(request, keys, &self.policy, now);
        observe::outcome(&opened, Some(&request.key_query()));
        opened
    }

    /// The keys that [`open`](Self::open) would try on a ticket, best first: to explain why it does not open.
    pub fn candidates(&self, query: &KeyQuery<'_>, now: UnixTime) -> impl Iterator<Item = (&Account, &ServiceKey)> {
        let mut candidates = Candidates::none();
        candidates.choose(&self.keys, query, self.policy.kvno, now);
        candidates.into_iter().map(|candidate| (&**candidate.account, candidate.key))
    }

    /// Third stage: checks the ticket, opens the authenticator, and checks that.
    ///
    /// # Errors
    /// Those whose blame is time, policy or proof, but for `replay`; `malformed`, `unsupported-etype`, `rc4-refused`.
    pub fn verify(
        &self,
        opened: OpenedTicket<'_>,
        connection: &Connection<'_>,
        now: UnixTime,
    ) -> Result<VerifiedRequest, Error> {
        let _stage = Entered::stage(Stage::Verify);
        let query = opened.key_query();
        let verified = opened.verify(&self.policy, connection, now);
        observe::outcome(&verified, Some(&query));
        verified
    }

    /// Fourth stage: verifies what the ticket's authorization data says of the user, holds it against the ticket, and
    /// checks that the account may vouch for such a user.
    ///
    /// # Errors
    /// `pac-missing`, `pac-malformed`, `pac-signature`, `pac-mismatch`, `untrusted-domain`, `account-refused`,
    /// `delegation`.
    pub fn authorize(&self, verified: VerifiedRequest) -> Result<AuthorizedRequest, Error> {
        let _stage = Entered::stage(Stage::Authorize);
        let authorized = AuthorizedRequest::authorize(verified, &self.policy);
        observe::outcome(&authorized, None);
        authorized
    }
}

/// Shares the keys, the policy and the memory.
impl<R> Clone for Validator<R> {
    fn clone(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), policy: Arc::clone(&self.policy), replay: Arc::clone(&self.replay) }
    }
}
