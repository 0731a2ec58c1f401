//! One job: opens the password, asks the KDC, and binds the ticket to the job.

use crate::clock;
use crate::directory::Directory;
use crate::session::Session;
use seamless_kdc::KdcError;
use seamless_pta::message::{Answer, Health, Job, Ticket, V1};
use seamless_pta::terms::JobId;
use seamless_pta::verdict::Fault;
use seamless_pta::{Fixed, Text, Time};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// What the workers know together: the directory, its health, the clock of the server, and the jobs that they had.
pub(crate) struct Validator {
    directory: Arc<dyn Directory>,
    state: Mutex<State>,
}

struct State {
    health: Health,
    /// How far the server's clock is ahead or behind of the agent's.
    ahead: Duration,
    behind: Duration,
    /// The nonces of the last jobs.
    seen: VecDeque<Fixed<32>>,
}

impl Validator {
    pub(crate) fn new(directory: Arc<dyn Directory>) -> Self {
        let health = Health { kdc: seamless_pta::message::Kdc::Unknown, ms: 0 };
        let state = State { health, ahead: Duration::ZERO, behind: Duration::ZERO, seen: VecDeque::new() };
        Self { directory, state: Mutex::new(state) }
    }

    pub(crate) fn health(&self) -> Health {
        self.state().health
    }

    /// Notes the clock of the server.
    pub(crate) fn note_clock(&self, server: Time) {
        let (now, mut state) = (clock::now(), self.state());
        (state.ahead, state.behind) = (now.until(server), server.until(now));
    }

    /// Does a job, and returns the answer.
    pub(crate) async fn answer(&self, session: &Session, job: &Job) -> Answer {
        let began = Instant::now();
        match self.validate(session, job).await {
            Ok(token) => {
                let ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
                self.state().health = Health { kdc: seamless_pta::message::Kdc::Ok, ms };
                match Ticket::new(token) {
                    Some(token) => Answer::Ticket { v: V1, job: job.job, token, ms },
                    None => failed(job.job, Fault::Unreachable, "the ticket is too large"),
                }
            }
            Err(answer) => answer,
        }
    }

    async fn validate(&self, session: &Session, job: &Job) -> Result<Vec<u8>, Answer> {
        let cannot_open = |why: &str| failed(job.job, Fault::CannotOpen, why);
        let identity = &session.identity;
        let (terms, sealed) =
            job.terms(&identity.tenant, identity.agent).map_err(|error| cannot_open(&error.to_string()))?;
        self.admit(terms.expires, terms.nonce).map_err(|why| failed(job.job, Fault::ExpiredJob, why))?;
        let opened = session.sealing.open_password(&terms, &sealed).map_err(|error| cannot_open(&error.to_string()))?;
        let password = std::str::from_utf8(&opened).map_err(|_| cannot_open("the password is no text"))?;
        let password = Zeroizing::new(password.to_owned());
        let asked = self.directory.token(&terms.user, password, &terms.application_data()).await;
        asked.map_err(|error| self.refused(job.job, &error))
    }

    /// Refuses a job after its end, by the server's clock, and a job that the agent had before.
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

    fn refused(&self, job: JobId, error: &KdcError) -> Answer {
        use seamless_pta::message::Kdc as Health_;
        let (kdc, fault) = match error {
            KdcError::Refused { refusal, status, told } => {
                self.state().health.kdc = Health_::Ok;
                return Answer::Refused { v: V1, job, code: *refusal, status: *status, told: *told };
            }
            KdcError::ClockSkew => (Health_::ClockSkew, Fault::ClockSkew),
            KdcError::Busy => (Health_::Ok, Fault::Busy),
            KdcError::TimedOut => (Health_::Unreachable, Fault::Timeout),
            KdcError::Unreachable(_) => (Health_::Unreachable, Fault::Unreachable),
            // The KDC of another realm, or one without the account, refuses each user.
            KdcError::Other(_) => (Health_::Ok, Fault::KdcError),
        };
        self.state().health.kdc = kdc;
        failed(job, fault, &error.to_string())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(job: JobId, code: Fault, why: &str) -> Answer {
    tracing::warn!(%job, "the KDC was not asked, or gave no verdict: {why}");
    let detail = why.chars().filter(|character| !character.is_control()).take(MAX_DETAIL).collect::<String>();
    Answer::Failed { v: V1, job, code, detail: Text::new(detail) }
}

/// The number of jobs that the agent remembers. A job expires within ten seconds.
const MAX_SEEN: usize = 4_096;
const MAX_DETAIL: usize = 256;
