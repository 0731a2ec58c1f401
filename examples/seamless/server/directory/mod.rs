//! Checks passwords with the KDC of the directory. The result is an accepted request, as for a browser's ticket.
//!
//! This server asks the KDC itself ([`kdc`]), or an agent beside the KDC asks it ([`pass_through`]).
//!
//! The KDC issues a ticket for this server's account to a client that knows the password (RFC 4120 sections 3.1 and
//! 3.3). The tenant's validator then validates that ticket like any other ticket. So a machine that only claims to be
//! the KDC gains nothing, because it does not have the key of this server's account.

mod kdc;
mod pass_through;
mod refusal;
mod verifiers;

pub(crate) use refusal::Refusal;
pub(crate) use verifiers::Verifiers;

use crate::agents::Agents;
use crate::authenticated::Authenticated;
use crate::clock;
use crate::lockout::{Attempt, Locked, Lockout, Outcome};
use crate::metrics::STAGE;
use crate::principal;
use crate::session::Method;
use crate::tenants::{Tenant, Validator};
use crate::user_name::UserName;
use kerberos_sso::replay::Admission;
use kerberos_sso::{Accepted, Arrival, ChannelBindings, Refused};
use seamless_kdc::Kdc;
use seamless_pta::verdict::Failure;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{Instrument as _, debug_span};
use zeroize::Zeroizing;

/// The directory that validates the passwords of a tenant.
pub(crate) struct Directory {
    /// The time from a request to its refusal.
    answer_after: Duration,
    way: Way,
    /// The verifiers with which the server checks a password while the directory cannot be asked.
    fallback: Option<Verifiers>,
}

enum Way {
    Kdc(Arc<Kdc>),
    Agents {
        agents: Arc<Agents>,
        /// The attribute by which agents may look a name up.
        alternate_id: Option<Arc<str>>,
    },
    /// The server checks each password with a verifier, and never asks the directory.
    Verifiers(Box<Verifiers>),
}

/// Checks the password of `user`. The time from a request to its refusal is always the same
/// ([`Directory::answer_after`]). So this time does not show whether the user exists, even if the KDC is slow. If the
/// check has not ended by then, the sign-in is refused, but the lockout still counts the result of the check. After too
/// many wrong passwords, the server does not ask the directory.
pub(crate) async fn sign_in(
    lockout: &Arc<Lockout>,
    tenant: &Tenant,
    user: &UserName,
    password: &str,
    address: Option<IpAddr>,
) -> Result<Authenticated, Refusal> {
    let directory = tenant.directory.as_ref().ok_or(Refusal::NotConfigured)?;
    let deadline = Instant::now().checked_add(directory.answer_after).unwrap_or_else(Instant::now);
    let verdict = match lockout.begin(&tenant.name, user, address, clock::now()).await {
        Ok(attempt) => {
            let checked = check(
                tenant.clone(),
                Arc::clone(directory),
                user.clone(),
                Zeroizing::new(password.to_owned()),
                deadline,
            );
            let is_own = |user: &Authenticated, attempt: &Attempt| attempt.is_of(&user.identity);
            in_turn(Arc::clone(lockout), attempt, deadline, checked, is_own).await
        }
        Err(Locked::Name(seconds)) => Err(Refusal::TooManyWrong { seconds }),
        Err(Locked::Address(seconds)) => Err(Refusal::TooManyFromAddress { seconds }),
    };
    log(tenant, user, &verdict);
    if let Ok(known) = &verdict {
        lockout.learn_names(&tenant.name, user, &known.identity, clock::now()).await;
    }
    if verdict.is_err() {
        sleep_until(deadline).await;
    }
    verdict
}

/// Waits until no other password of the same name is checked, runs the check, and waits for the verdict until the deadline. The
/// check goes on after the deadline, even if the client goes away. After a refused password, the next check of the name begins at
/// the deadline. A right password resets the count of wrong passwords only if that count is of the same user (`is_own`).
async fn in_turn<T: Send + 'static>(
    lockout: Arc<Lockout>,
    attempt: Attempt,
    deadline: Instant,
    check: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    is_own: impl Fn(&T, &Attempt) -> bool + Send + 'static,
) -> Result<T, Refusal> {
    let (tell, told) = oneshot::channel();
    let checking = async move {
        let turn = timeout_at(deadline, lockout.turn(&attempt)).await;
        // The server begins no check at the deadline. The next attempt with this name may begin now, so two checks of
        // the name could run at the same time.
        let verdict = if turn.is_ok() && Instant::now() < deadline {
            check.instrument(debug_span!(target: STAGE, "directory")).await
        } else {
            Err(Refusal::Busy)
        };
        let outcome = match &verdict {
            Ok(user) if !is_own(user, &attempt) => Outcome::Unchecked,
            verdict => outcome(verdict),
        };
        lockout.end(&attempt, outcome, clock::now()).await;
        let is_refused = verdict.is_err();
        // If the receiver is gone, the server has already answered the request.
        let _ = tell.send(verdict);
        if is_refused {
            sleep_until(deadline).await;
        }
        drop(turn);
    };
    tokio::spawn(checking.in_current_span());
    match timeout_at(deadline, told).await {
        Ok(verdict) => verdict.unwrap_or_else(|_| Err(Refusal::Unreachable("its answer could not be read".into()))),
        Err(_) => Err(Refusal::Unreachable("it did not answer in time".into())),
    }
}

async fn check(
    tenant: Tenant,
    directory: Arc<Directory>,
    user: UserName,
    password: Zeroizing<String>,
    deadline: Instant,
) -> Result<Authenticated, Refusal> {
    // The user is of another domain. The KDC of the tenant's realm would check the password against its own account
    // with the same name.
    if tenant.is_only_of_forest_realm(&user) {
        return Err(Refusal::OtherDomain);
    }
    if password.is_empty() || password.len() > MAX_PASSWORD_SIZE {
        return Err(Refusal::WrongPassword);
    }
    let Some(verifiers) = &directory.fallback else {
        return ask(&tenant, &directory, &user, &password, deadline).await;
    };
    // The server stops waiting for the directory early, so that the verifiers have time to check the password.
    let until = deadline.checked_sub(FOR_VERIFIERS).unwrap_or(deadline);
    let verdict = timeout_at(until, ask(&tenant, &directory, &user, &password, until)).await;
    match verdict.unwrap_or_else(|_| Err(directory.silence())) {
        Err(refusal) if refusal.is_silence() => {
            tracing::warn!(tenant = %tenant.name, "the directory cannot be asked, so the verifiers decide: {refusal}");
            let decided = verifiers.check(&tenant, &user, &password).await;
            match (decided, refusal) {
                // The agents have not answered, and no verifier has checked the password. The missing answer still
                // counts as a wrong password.
                (Err(Refusal::NoVerifiers(why)), refusal @ Refusal::Unanswered(_)) => {
                    tracing::warn!(tenant = %tenant.name, "no verifier decides: {why}");
                    Err(refusal)
                }
                (decided, _) => decided,
            }
        }
        verdict => verdict,
    }
}

async fn ask(
    tenant: &Tenant,
    directory: &Directory,
    user: &UserName,
    password: &str,
    deadline: Instant,
) -> Result<Authenticated, Refusal> {
    let (accepted, method) = match &directory.way {
        Way::Kdc(kdc) => {
            let password = Zeroizing::new(password.to_owned());
            (kdc::check(kdc, tenant, user, password).await?, Method::Password)
        }
        Way::Agents { agents, alternate_id } => {
            let way = (&**agents, alternate_id.as_deref());
            let (accepted, agent) = pass_through::check(way, tenant, user, password, deadline).await?;
            (accepted, Method::PassThrough(agent))
        }
        Way::Verifiers(verifiers) => return verifiers.check(tenant, user, password).await,
    };
    tenant.count_accepted(&accepted);
    Ok(Authenticated::by_password(&accepted, method, clock::now()))
}

/// Validates a token without asking the replay cache. The token is bound to a value that only this process knows, so it cannot be
/// a replay. So users can sign in by password even if the replay cache cannot answer.
fn accept(validator: &Validator, token: &[u8], bindings: ChannelBindings) -> Result<Accepted, Refused> {
    let (now, bindings) = (clock::now(), [bindings]);
    let arrival = Arrival::at(now).with_channel_bindings(&bindings);
    let opened = validator.open(validator.read(token)?, now)?;
    validator.authorize(validator.verify(opened, arrival)?)?.admit(Admission::New)
}

/// Returns the result that the lockout counts. If the directory refused for a reason other than the name or the
/// password, the attempt does not count as a wrong password. If the directory told the state of the account before it
/// saw the password, the attempt counts as a wrong password, as for a name without an account. If an agent had the
/// password and no verdict came, the attempt also counts as a wrong password.
fn outcome<T>(verdict: &Result<T, Refusal>) -> Outcome {
    match verdict {
        Ok(_) => Outcome::Right,
        Err(Refusal::WrongHere { derived, .. }) => Outcome::WrongDerived(*derived.octets()),
        Err(Refusal::WrongPassword | Refusal::UnknownUser | Refusal::BeforePassword(_) | Refusal::Unanswered(_)) => {
            Outcome::Wrong
        }
        Err(_) => Outcome::Unchecked,
    }
}

impl Directory {
    /// Makes a directory that asks the KDC at `HOST` or `HOST:PORT`.
    pub(crate) fn of_kdc(realm: &str, kdc: &str, answer_after: Duration) -> Self {
        Self { answer_after, way: Way::Kdc(Arc::new(Kdc::new(realm, [kdc]))), fallback: None }
    }

    /// Makes a directory whose agents ask the tenant's KDC.
    pub(crate) const fn of_agents(agents: Arc<Agents>, answer_after: Duration) -> Self {
        Self { answer_after, way: Way::Agents { agents, alternate_id: None }, fallback: None }
    }

    /// Lets the agents look up names by an attribute.
    pub(crate) fn with_alternate_id(self, attribute: Option<&str>) -> Self {
        match self.way {
            Way::Agents { agents, .. } => {
                Self { way: Way::Agents { agents, alternate_id: attribute.map(Into::into) }, ..self }
            }
            way => Self { way, ..self },
        }
    }

    /// Makes a directory that is never asked, because the server checks each password with a verifier.
    pub(crate) fn of_verifiers(verifiers: Verifiers, answer_after: Duration) -> Self {
        Self { answer_after, way: Way::Verifiers(Box::new(verifiers)), fallback: None }
    }

    /// Returns the refusal of a directory that has not answered in time.
    fn silence(&self) -> Refusal {
        match self.way {
            Way::Agents { .. } => Refusal::Unanswered(Failure::TimedOut),
            Way::Kdc(_) | Way::Verifiers(_) => Refusal::Unreachable("it did not answer in time".into()),
        }
    }

    /// Makes the server check a password with a verifier while the directory cannot be asked.
    pub(crate) fn with_fallback(self, fallback: Option<Verifiers>) -> Self {
        Self { fallback, ..self }
    }
}

fn log(tenant: &Tenant, user: &UserName, verdict: &Result<Authenticated, Refusal>) {
    let (tenant, typed) = (&*tenant.name, user.to_string());
    match verdict {
        Ok(Authenticated { identity, method: Method::PasswordHash, .. }) => {
            let user = principal::with_sid(identity);
            tracing::info!(tenant, %user, "signed in by password, checked with a verifier");
        }
        Ok(Authenticated { identity, .. }) => {
            let user = principal::with_sid(identity);
            tracing::info!(tenant, %user, "signed in by password");
        }
        Err(Refusal::NotOurs(refused)) => {
            let (code, remedy) =
                (refused.code(), refused.remedy().map_or_else(|| "none known".into(), |remedy| remedy.to_string()));
            tracing::error!(tenant, ?typed, code, remedy, "the KDC's own ticket is refused: {refused}");
        }
        Err(Refusal::NotOfJob { agent, refused }) => {
            let code = refused.code();
            tracing::error!(tenant, ?typed, %agent, code, "ALARM: the ticket of an agent is refused: {refused}");
        }
        Err(refusal) => {
            tracing::warn!(tenant, ?typed, entra = refusal.entra(), "no sign-in by password: {refusal}");
        }
    }
}

/// The time that the verifiers need before the deadline.
const FOR_VERIFIERS: Duration = Duration::from_millis(750);

/// The largest size of a password, in octets. Passwords in Active Directory have 256 characters at most.
const MAX_PASSWORD_SIZE: usize = 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::replay::Replays;
    use crate::store::Records;
    use crate::tenants::Tenants;
    use seamless_pta::job::NoVerdict;
    use seamless_pta::verdict::Fault;
    use tokio::sync::Semaphore;

    const ANSWER_AFTER: Duration = Duration::from_secs(3);

    fn lockout() -> Arc<Lockout> {
        Arc::new(Lockout::new(Records::for_tests(), 50))
    }

    async fn begin(lockout: &Lockout, name: &str) -> Attempt {
        lockout.begin("a.test", &UserName::Account(name.into()), None, clock::now()).await.ok().unwrap()
    }

    /// Returns the time until the answer of a check that takes `milliseconds` and then has `verdict`.
    async fn answered_after(
        lockout: &Arc<Lockout>,
        name: &str,
        milliseconds: u64,
        verdict: Result<(), Refusal>,
    ) -> (Duration, Result<(), Refusal>) {
        let (began, attempt) = (Instant::now(), begin(lockout, name).await);
        let deadline = began.checked_add(ANSWER_AFTER).unwrap();
        let check = async move {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            verdict
        };
        let verdict = in_turn(Arc::clone(lockout), attempt, deadline, check, |(), _| true).await;
        if verdict.is_err() {
            sleep_until(deadline).await;
        }
        (began.elapsed(), verdict)
    }

    #[tokio::test(start_paused = true)]
    async fn refusal_is_answered_after_the_fixed_time_however_long_the_directory_takes() {
        let tenant = Tenants::of_realms(&["A.TEST"], &Replays::for_tests()).await.get("a.test").unwrap();
        let began = Instant::now();
        let verdict = sign_in(&lockout(), &tenant, &UserName::Account("alice".into()), "", None).await;
        assert!(matches!(verdict, Err(Refusal::WrongPassword)));
        assert_eq!(began.elapsed(), tenant.directory.unwrap().answer_after);
        for (name, milliseconds) in [("a", 0), ("b", 1_000), ("c", 2_999), ("d", 3_001), ("e", 60_000)] {
            for verdict in [Refusal::WrongPassword, Refusal::UnknownUser] {
                let (time, _) = answered_after(&lockout(), name, milliseconds, Err(verdict)).await;
                assert_eq!(time, ANSWER_AFTER, "{milliseconds}");
            }
        }
        let (time, verdict) = answered_after(&lockout(), "alice", 1_000, Ok(())).await;
        assert!(verdict.is_ok() && time == Duration::from_secs(1));
        let (time, verdict) = answered_after(&lockout(), "alice", 4_000, Ok(())).await;
        assert!(matches!(verdict, Err(Refusal::Unreachable(_))) && time == ANSWER_AFTER);
    }

    #[tokio::test(start_paused = true)]
    async fn passwords_of_a_name_are_checked_one_at_a_time_and_a_wrong_password_delays_the_next_check() {
        let lockout = lockout();
        let deadline = Instant::now().checked_add(ANSWER_AFTER).unwrap();
        let (checks, mut answers) = (Arc::new(Semaphore::new(0)), Vec::new());
        for number in 0..400 {
            let Ok(attempt) = lockout.begin("a.test", &UserName::Account("alice".into()), None, clock::now()).await
            else {
                assert!(number >= 10);
                continue;
            };
            let checks = Arc::clone(&checks);
            let check = async move {
                checks.add_permits(1);
                Err::<(), _>(Refusal::WrongPassword)
            };
            answers.push(tokio::spawn(in_turn(Arc::clone(&lockout), attempt, deadline, check, |(), _| true)));
        }
        for answer in answers {
            assert!(answer.await.unwrap().is_err());
        }
        assert_eq!(checks.available_permits(), 1);
    }

    /// An attacker who owns the broker between the nodes can drop the answer of an agent. If the server then asks a
    /// second agent, the lockout still counts one attempt only.
    #[tokio::test(start_paused = true)]
    async fn silence_of_an_agent_counts_once_and_an_unreachable_directory_does_not_count() {
        let (lockout, user) = (lockout(), UserName::Account("alice".into()));
        let unasked = |fault: &Fault| !fault.may_be_checked() && *fault != Fault::AlternateId;
        for fault in Fault::ALL.into_iter().filter(unasked).cycle().take(20) {
            let refusal = Refusal::of_agents(NoVerdict { failure: Failure::Agent(fault), may_be_checked: false });
            let (_, verdict) = answered_after(&lockout, "alice", 10, Err(refusal)).await;
            assert!(matches!(verdict, Err(Refusal::NoVerdict(_))));
        }
        for failure in [Failure::NoAgent, Failure::Busy, Failure::CannotSeal] {
            let (_, verdict) = answered_after(&lockout, "alice", 10, Err(Refusal::NoVerdict(failure))).await;
            assert_eq!(verdict.unwrap_err().code(), Refusal::Unanswered(failure).code());
        }
        for _ in 0..10 {
            let silence = Refusal::of_agents(NoVerdict { failure: Failure::TimedOut, may_be_checked: true });
            let (_, verdict) = answered_after(&lockout, "alice", 10, Err(silence)).await;
            assert!(matches!(verdict, Err(Refusal::Unanswered(_))));
        }
        let locked = lockout.begin("a.test", &user, None, clock::now()).await.err();
        assert!(matches!(locked, Some(Locked::Name(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn result_of_a_check_after_the_deadline_still_counts() {
        let lockout = lockout();
        for _ in 0..10 {
            let (_, verdict) = answered_after(&lockout, "alice", 4_000, Err(Refusal::WrongPassword)).await;
            assert!(matches!(verdict, Err(Refusal::Unreachable(_))));
            // The test waits for the end of this check, because the next check of the name cannot begin earlier.
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let user = UserName::Account("alice".into());
        let locked = lockout.begin("a.test", &user, None, clock::now()).await.err();
        assert!(matches!(locked, Some(Locked::Name(_))));
    }
}
