//! Validates a token, and makes the reply that a server would send.

use super::token::Token;
use kerberos_sso::replay::ReplayCache;
use kerberos_sso::{
    Accepted, Error, Randomness, Refused, UnixTime, Validator,
    negotiate::{Negotiation, ReadStep},
    stages::Request,
};

pub(crate) struct Verdict {
    pub(crate) outcome: Result<Accepted, Error>,
    pub(crate) reply: Option<Reply>,
}

impl Verdict {
    fn refused(refused: Refused) -> Self {
        let reply = refused.token().map(|token| Reply::new("reject", token));
        Self { outcome: Err(refused.into_error()), reply }
    }
}

/// The kind and the octets of the token that the server would send back.
pub(crate) struct Reply {
    pub(crate) kind: &'static str,
    pub(crate) token: Vec<u8>,
}

impl Reply {
    fn new(kind: &'static str, token: &[u8]) -> Self {
        Self { kind, token: token.to_vec() }
    }
}

/// Validates tokens in the order in which one client sends them, because a negotiation may need two tokens.
pub(crate) struct Judge<'v, R> {
    validator: &'v Validator<R>,
    negotiation: Option<Negotiation>,
}

impl<'v, R: ReplayCache> Judge<'v, R> {
    pub(crate) const fn new(validator: &'v Validator<R>) -> Self {
        Self { validator, negotiation: None }
    }

    pub(crate) fn judge(&mut self, token: &Token, now: UnixTime) -> Result<Verdict, String> {
        match token {
            Token::Bytes(token) => self.judge_bytes(token, now),
            Token::Header(value) => match self.validator.decode_header(value) {
                Ok(token) => self.judge_bytes(&token, now),
                Err(refused) => Ok(Verdict::refused(refused)),
            },
        }
    }

    fn judge_bytes(&mut self, token: &[u8], now: UnixTime) -> Result<Verdict, String> {
        let negotiation = self.negotiation.take();
        match self.validator.read_step(token, negotiation.as_ref()) {
            Ok(ReadStep::Offer(offer)) => {
                let next = offer.accept();
                let reply = Some(Reply::new("go on", next.token()));
                self.negotiation = Some(next.into_negotiation());
                Ok(Verdict { outcome: Err(offer.refuse().into_error()), reply })
            }
            Ok(ReadStep::Request(request)) => match self.decide(request, now) {
                Ok(accepted) => {
                    let kind = if accepted.wants_mutual() { "AP-REP" } else { "completed" };
                    let reply = accepted.answer(&randomness()?).token().map(|token| Reply::new(kind, token));
                    Ok(Verdict { outcome: Ok(accepted), reply })
                }
                Err(refused) => Ok(Verdict::refused(refused)),
            },
            Err(refused) => Ok(Verdict::refused(refused)),
        }
    }

    fn decide(&self, request: Request<'_>, now: UnixTime) -> Result<Accepted, Refused> {
        let opened = self.validator.open(request, now)?;
        let verified = self.validator.verify(opened, now)?;
        self.validator.admit(self.validator.authorize(verified)?, now)
    }
}

fn randomness() -> Result<Randomness, String> {
    let mut octets = [0; 64];
    getrandom::fill(&mut octets).map_err(|error| error.to_string())?;
    Ok(Randomness::new(octets))
}
