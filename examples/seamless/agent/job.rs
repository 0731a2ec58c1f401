//! Does one job: decrypts the user's password, asks the KDC for a ticket with it, and binds the ticket to the job.

use crate::alternate::AlternateNames;
use crate::clock;
use crate::directory::Directory;
use crate::session::Session;
use seamless_kdc::KdcError;
use seamless_pta::message::{Answer, Health, Job, Ticket, V1, Word};
use seamless_pta::seal::AnswerKey;
use seamless_pta::terms::{JobId, Terms};
use seamless_pta::verdict::Fault;
use seamless_pta::{Fixed, Text, Time, User};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The state that all workers share: the directory, its health, the clock of the server, and the last jobs.
pub(crate) struct Validator {
    directory: Arc<dyn Directory>,
    alternate: Option<Arc<AlternateNames>>,
    state: Mutex<State>,
}

struct State {
    health: Health,
    /// How far the server's clock is ahead of the agent's clock, or behind it.
    ahead: Duration,
    behind: Duration,
    /// The nonces of the last jobs, by which the agent recognises a job that comes twice.
    seen: VecDeque<Fixed<32>>,
}

impl Validator {
    pub(crate) fn new(directory: Arc<dyn Directory>, alternate: Option<Arc<AlternateNames>>) -> Self {
        let health = Health { kdc: seamless_pta::message::Kdc::Unknown, ms: 0 };
        let state = State { health, ahead: Duration::ZERO, behind: Duration::ZERO, seen: VecDeque::new() };
        Self { directory, alternate, state: Mutex::new(state) }
    }

    pub(crate) fn health(&self) -> Health {
        self.state().health
    }

    /// Stores the difference between the server's clock and the agent's clock.
    pub(crate) fn note_clock(&self, server: Time) {
        let (now, mut state) = (clock::now(), self.state());
        (state.ahead, state.behind) = (now.until(server), server.until(now));
    }

    /// Does a job, and returns the answer. Only the owner of the job can decrypt the answer.
    pub(crate) async fn answer(&self, session: &Session, job: &Job) -> Answer {
        let (terms, password, key) = match open(session, job) {
            Ok(opened) => opened,
            Err(why) => {
                tracing::warn!(job = %job.job, "the job does not open: {why}");
                return Answer::Unopened { v: V1, job: job.job };
            }
        };
        let word = self.validate(&terms, password).await.unwrap_or_else(|word| word);
        let answer = key.answer(&terms, &word, *clock::random());
        answer.unwrap_or(Answer::Unopened { v: V1, job: job.job })
    }

    async fn validate(&self, terms: &Terms, password: Zeroizing<String>) -> Result<Word, Word> {
        let (job, began) = (terms.job, Instant::now());
        self.admit(terms.expires, terms.nonce).map_err(|why| failed(job, Fault::ExpiredJob, why))?;
        let user = self.user(terms).await?;
        let asked = self.directory.token(&user, password, &terms.application_data()).await;
        let token = asked.map_err(|error| self.refused(job, &error))?;
        let ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.state().health = Health { kdc: seamless_pta::message::Kdc::Ok, ms };
        let token = Ticket::new(token).ok_or_else(|| failed(job, Fault::Unreachable, "the ticket is too large"))?;
        Ok(Word::Ticket { token, ms })
    }

    /// Returns the user whom the agent asks the KDC about.
    async fn user(&self, terms: &Terms) -> Result<User, Word> {
        let Some(alternate) = &self.alternate else { return Ok(terms.user.clone()) };
        match alternate.user(&terms.user).await {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(failed(terms.job, Fault::AlternateId, "the name is of several users")),
            Err(error) => Err(failed(terms.job, Fault::Unreachable, &error.to_string())),
        }
    }

    /// Refuses a job that has expired by the server's clock, and a job that the agent had before.
    fn admit(&self, expires: Time, nonce: Fixed<32>) -> Result<(), &'static str> {
        let mut state = self.state();
        if clock::now().after(state.ahead).before(state.behind) >= expires {
            return Err("the job has expired");
        }
        if state.seen.contains(&nonce) {
            return Err("the job came a second time");
        }
        if state.seen.len() >= MAX_SEEN {
            state.seen.pop_front();
        }
        state.seen.push_back(nonce);
        Ok(())
    }

    fn refused(&self, job: JobId, error: &KdcError) -> Word {
        use seamless_pta::message::Kdc as Health_;
        let (kdc, fault) = match error {
            KdcError::Refused { refusal, status, told } => {
                self.state().health.kdc = Health_::Ok;
                return Word::Refused { code: *refusal, status: *status, told: *told };
            }
            KdcError::ClockSkew => (Health_::ClockSkew, Fault::ClockSkew),
            KdcError::Busy => (Health_::Ok, Fault::Busy),
            KdcError::TimedOut => (Health_::Unreachable, Fault::Timeout),
            KdcError::Unreachable(_) => (Health_::Unreachable, Fault::Unreachable),
            // The KDC answers, so its health is `Ok`. The fault tells the server that this KDC may refuse every user,
            // for example because the KDC is of another realm or lacks the server's account.
            KdcError::Other(_) => (Health_::Ok, Fault::KdcError),
        };
        self.state().health.kdc = kdc;
        failed(job, fault, &error.to_string())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decrypts a job. Returns its terms, the user's password, and the key that encrypts the answer.
fn open(session: &Session, job: &Job) -> Result<(Terms, Zeroizing<String>, AnswerKey), String> {
    let identity = &session.identity;
    let (terms, sealed) = job.terms(&identity.tenant, identity.agent).map_err(|error| error.to_string())?;
    let (opened, key) = session.sealing.open_password(&terms, &sealed).map_err(|error| error.to_string())?;
    let password = std::str::from_utf8(&opened).map_err(|_| "the password is no text")?;
    Ok((terms, Zeroizing::new(password.to_owned()), key))
}

fn failed(job: JobId, code: Fault, why: &str) -> Word {
    tracing::warn!(%job, "the KDC was not asked, or gave no verdict: {why}");
    let detail = why.chars().filter(|character| !character.is_control()).take(MAX_DETAIL).collect::<String>();
    Word::Failed { code, detail: Text::new(detail) }
}

/// The number of jobs that the agent remembers, to refuse a job that comes twice. A job expires within ten seconds.
const MAX_SEEN: usize = 4_096;
const MAX_DETAIL: usize = 256;

#[cfg(test)]
mod tests;
