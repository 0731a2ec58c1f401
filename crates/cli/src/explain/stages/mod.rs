//! Makes the tree of a token: the stages of `kerberos-sso`, one after the other, with the facts that each stage adds.
//!
//! The examiner asks a replay cache only if the caller gives one. No node contains a session key, a MAC or a ciphertext.

mod check;
mod keys;
mod outside;
mod pac;
mod ticket;

use super::Node;
use super::Pasted;
use check::{Check, Stage, judge};
use kerberos_sso::replay::{Admission, ReplayEntry};
use kerberos_sso::{
    Arrival, Error, Refused, Validator,
    negotiate::TokenInfo,
    stages::{AuthorizedRequest, OpenedTicket, Request, VerifiedRequest},
};
use pac::FoundPac;
use std::fmt;

/// The explanation of a token.
#[derive(Debug)]
pub struct Explanation {
    /// The trees of all stages in their order, including stages that were not reached.
    pub stages: Vec<Node>,
    /// The user's identity, or the refusal.
    pub outcome: Result<String, Refused>,
}

/// A function that asks a replay cache to admit an entry.
pub type Admit<'a> = &'a dyn Fn(&ReplayEntry<'_>) -> Admission;

/// The validator, the arrival and the replay cache with which a token is explained.
pub struct Examiner<'v, R> {
    /// The validator whose stages the token passes.
    pub validator: &'v Validator<R>,
    /// The time at which the token arrived, and the facts about its connection.
    pub arrival: Arrival<'v>,
    /// The replay cache; `None` means that no replay cache is asked.
    pub admit: Option<Admit<'v>>,
}

impl<R> fmt::Debug for Examiner<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examiner").field("arrival", &self.arrival).finish_non_exhaustive()
    }
}

impl<R> Examiner<'_, R> {
    /// Passes the token through the stages until a stage refuses it.
    #[must_use]
    pub fn explain(&self, pasted: &Pasted) -> Explanation {
        let mut stages = Vec::new();
        let outcome = match pasted {
            Pasted::Token(token) => self.explain_token(token, &mut stages),
            Pasted::Header(value) => self.explain_header(value, &mut stages),
        };
        let rest: Vec<_> = not_reached(&stages).collect();
        stages.extend(rest);
        Explanation { stages, outcome }
    }

    fn explain_header(&self, value: &[u8], stages: &mut Vec<Node>) -> Result<String, Refused> {
        let decoded = self.validator.decode_header(value);
        stages.extend(judge(vec![outside::header(value, self.validator.policy())], error_of(&decoded)));
        self.explain_token(&decoded?, stages)
    }

    fn explain_token(&self, token: &[u8], stages: &mut Vec<Node>) -> Result<String, Refused> {
        let request = self.read(token, stages)?;
        let opened = self.open(request, stages)?;
        let verified = self.verify(opened, stages)?;
        let authorized = self.authorize(verified, stages)?;
        self.admit(authorized, stages)
    }

    fn read<'t>(&self, token: &'t [u8], stages: &mut Vec<Node>) -> Result<Request<'t>, Refused> {
        let info = TokenInfo::of(token);
        let request = self.validator.read(token);
        stages.extend(judge(outside::token(token, &info, self.validator.policy()), error_of(&request)));
        request
    }

    fn open<'t>(&self, request: Request<'t>, stages: &mut Vec<Node>) -> Result<OpenedTicket<'t>, Refused> {
        let (query, now) = (request.key_query(), self.arrival.time());
        let candidates: Vec<_> = self.validator.candidates(&query, now).collect();
        let opened = self.validator.open(request, now);
        let of_stage = keys::stages(&candidates, opened.as_ref().ok(), self.validator.policy());
        stages.extend(judge(of_stage, error_of(&opened)));
        opened
    }

    fn verify(&self, opened: OpenedTicket<'_>, stages: &mut Vec<Node>) -> Result<VerifiedRequest, Refused> {
        let (policy, now) = (self.validator.policy(), self.arrival.time());
        let of_ticket = ticket::ticket(&opened, policy, now);
        let verified = self.validator.verify(opened, self.arrival);
        let of_client = ticket::authenticator(verified.as_ref().ok(), policy, now);
        stages.extend(judge(vec![of_ticket, of_client], error_of(&verified)));
        verified
    }

    fn authorize(&self, verified: VerifiedRequest, stages: &mut Vec<Node>) -> Result<AuthorizedRequest, Refused> {
        let found = FoundPac::of(verified.ticket());
        let authorized = self.validator.authorize(verified);
        stages.extend(judge(pac::stages(&found, authorized.as_ref().ok()), error_of(&authorized)));
        authorized
    }

    fn admit(&self, authorized: AuthorizedRequest, stages: &mut Vec<Node>) -> Result<String, Refused> {
        let (entry, skew) = (authorized.replay_entry(), self.validator.policy().clock_skew().as_secs());
        let admission = self.admit.map(|admit| admit(&entry));
        let replay = replay(&entry, admission, skew);
        let accepted = authorized.admit(admission.unwrap_or(Admission::New));
        stages.extend(judge(vec![replay], error_of(&accepted)));
        accepted.map(|accepted| accepted.identity().to_string())
    }
}

fn replay(entry: &ReplayEntry<'_>, admission: Option<Admission>, skew: u64) -> Stage {
    let remembered = format!("until {}, the client's time plus {skew} s", entry.valid_until);
    let facts = vec![Node::fact("Remembered by a replay cache", remembered)];
    let is_refusal =
        |error: &Error| matches!(error, Error::Replay(_) | Error::ReplayCacheFull(_) | Error::ReplayCacheFailed(_));
    match admission {
        Some(_) => Stage::new(REPLAY, facts, vec![Check::new("Not seen before", "", is_refusal)]),
        None => {
            Stage::new(REPLAY, vec![Node::fact("Not checked", "an explanation does not use up the token")], Vec::new())
        }
    }
}

fn error_of<T>(result: &Result<T, Refused>) -> Option<&Error> {
    result.as_ref().err().map(Refused::error)
}

/// Returns the nodes of the stages after the last stage in `stages`.
fn not_reached(stages: &[Node]) -> impl Iterator<Item = Node> {
    let last = stages.iter().filter_map(|stage| STAGES.iter().position(|title| *title == stage.title)).max();
    let rest = last.map_or(0, |last| last.saturating_add(1));
    STAGES.iter().skip(rest).map(|title| Node::fact(*title, "not reached"))
}

const REPLAY: &str = "Replay";

/// The stages that every accepted token has.
const STAGES: [&str; 8] =
    [outside::AP_REQ, keys::KEY, keys::OPENED, ticket::TICKET, ticket::AUTHENTICATOR, pac::PAC, pac::USER, REPLAY];
