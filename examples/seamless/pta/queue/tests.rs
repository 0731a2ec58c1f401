//! Tests what happens to a job when an agent or the owner fails. The clock is Tokio's, which a test can pause.
#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

mod load;

use super::*;
use crate::encoding::{Fixed, Octets};
use crate::job::NoVerdict;
use crate::message::{V1, Word};
use crate::seal::{SealingKey, SealingPublicKey};
use crate::time::{Budget, Time};
use crate::user::User;
use crate::verdict::{Failure, Fault, Refusal, Told};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

/// A node with the queue of one process.
struct World {
    queue: InProcess,
    gateway: Arc<Gateway>,
    began: Instant,
    random: AtomicU64,
    /// The agents that the registry does not know any more.
    revoked: Mutex<Vec<AgentId>>,
}

impl Node for World {
    fn now(&self) -> Time {
        Time::from_seconds(1_795_000_000).after(self.began.elapsed())
    }

    fn random(&self) -> Zeroizing<[u8; 32]> {
        let mut octets = [0; 32];
        *octets.first_chunk_mut().unwrap() = self.random.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Zeroizing::new(octets)
    }

    fn sealing_key<'a>(
        &'a self,
        _: &'a Tenant,
        agent: AgentId,
        key: &'a KeyId,
    ) -> Pending<'a, Option<SealingPublicKey>> {
        let is_known = !self.revoked.lock().unwrap().contains(&agent);
        let known = (0..=9).map(|number| sealing_key(number).public()).find(|known| known.id() == *key);
        Box::pin(async move { known.filter(|_| is_known) })
    }
}

fn world() -> Arc<World> {
    let (queue, gateway) = (InProcess::default(), Arc::new(Gateway::default()));
    queue.serve(Arc::clone(&gateway));
    let (began, random, revoked) = (Instant::now(), AtomicU64::new(1), Mutex::default());
    Arc::new(World { queue, gateway, began, random, revoked })
}

fn tenant() -> Tenant {
    Tenant::new("contoso.test").unwrap()
}

fn agent(number: u8) -> AgentId {
    AgentId::from_random([number; 16])
}

fn sealing_key(number: u8) -> SealingKey {
    SealingKey::from_random(&[number; 32])
}

fn place(number: u8) -> Place {
    let key = sealing_key(number).public().id();
    Place { agent: agent(number), tenant: tenant(), key, connection: number.into() }
}

/// Asks about alice's password. Returns the result and the time that it took, in milliseconds.
async fn sign_in(world: &World, password: &str) -> (Result<Verdict, Failure>, u128) {
    let (verdict, millis) = ask_about(world, password).await;
    (verdict.map_err(|end| end.failure), millis)
}

async fn ask_about(world: &World, password: &str) -> (Result<Verdict, NoVerdict>, u128) {
    let (began, whom) = (Instant::now(), (tenant(), User::parse("alice").unwrap()));
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let budget = Budget::within(Duration::from_secs(10));
    let verdict = ask(&world.queue, world, whom, &password, budget).await;
    (verdict, began.elapsed().as_millis())
}

/// What an agent does with a job.
#[derive(Clone, Copy)]
enum Act {
    /// The agent asks the directory, which answers after this many milliseconds.
    Ask(u64),
    /// The agent answers that it cannot ask the directory.
    Fail(Fault),
    /// The agent does not answer, and its connection stays open.
    Hang,
    /// The agent is killed, and its connection ends.
    Die,
}

/// Takes one job as the agent `number`, and acts on it. Returns what the gateway says about the agent's answer.
async fn one(world: &World, number: u8, act: Act) -> Option<Result<(), AnswerError>> {
    let Taken::Job(job) = world.gateway.take(place(number)).await else { return None };
    let (terms, sealed) = job.terms(&tenant(), agent(number)).unwrap();
    let (password, key) = sealing_key(number).open_password(&terms, &sealed).unwrap();
    let said = match act {
        Act::Ask(millis) => {
            sleep(Duration::from_millis(millis)).await;
            word(&password, number)
        }
        Act::Fail(code) => Word::Failed { code, detail: None },
        Act::Hang => std::future::pending().await,
        Act::Die => {
            world.gateway.closed(number.into());
            return None;
        }
    };
    Some(world.gateway.answer(agent(number), key.answer(&terms, &said, [number; 12]).unwrap()))
}

/// Returns what the directory says about a password.
fn word(password: &[u8], number: u8) -> Word {
    if password == b"right" {
        Word::Ticket { token: Octets::new(vec![number]).unwrap(), ms: 1 }
    } else {
        Word::Refused { code: Refusal::WrongPassword, status: None, told: Told::AfterPassword }
    }
}

fn start(world: &Arc<World>, number: u8, act: Act) -> JoinHandle<Option<Result<(), AnswerError>>> {
    let world = Arc::clone(world);
    tokio::spawn(async move { one(&world, number, act).await })
}

/// Starts agents in this order, and waits until the requests of all agents are at the gateway.
async fn agents(world: &Arc<World>, acts: &[Act]) {
    for (number, act) in (1..).zip(acts) {
        start(world, number, *act);
        tokio::task::yield_now().await;
    }
}

fn is_ticket_of(verdict: &Result<Verdict, Failure>, number: u8) -> bool {
    matches!(verdict, Ok(Verdict::Ticket(ticket)) if ticket.agent == agent(number))
}

#[tokio::test(start_paused = true)]
async fn right_password_returns_a_ticket_and_a_wrong_password_the_refusal_of_the_directory() {
    let world = world();
    agents(&world, &[Act::Ask(40), Act::Ask(40)]).await;
    let (verdict, millis) = sign_in(&world, "right").await;
    assert!(is_ticket_of(&verdict, 1) && millis == 40, "{verdict:?} {millis}");
    let (verdict, _) = sign_in(&world, "wrong").await;
    assert!(matches!(verdict, Ok(Verdict::Refused { refusal: Refusal::WrongPassword, .. })), "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn job_without_an_agent_fails_at_once() {
    let (verdict, millis) = sign_in(&world(), "right").await;
    assert_eq!((verdict.unwrap_err(), millis), (Failure::NoAgent, 0));
}

/// Each row has what the first agent does, the milliseconds until the second agent gets the job, and the failure if
/// there is no second agent.
#[tokio::test(start_paused = true)]
async fn second_agent_gets_the_job_if_the_first_agent_dies_hangs_or_fails() {
    let mut rows = vec![(Act::Die, 0, Failure::TimedOut), (Act::Hang, 4_500, Failure::TimedOut)];
    rows.extend(Fault::ALL.map(|fault| (Act::Fail(fault), 0, Failure::Agent(fault))));
    for (act, after, failure) in rows {
        let two = world();
        agents(&two, &[act, Act::Ask(40)]).await;
        let (verdict, millis) = sign_in(&two, "right").await;
        assert!(is_ticket_of(&verdict, 2), "{verdict:?}");
        assert_eq!(millis, after + 40);
        let alone = world();
        agents(&alone, &[act]).await;
        assert_eq!(sign_in(&alone, "right").await.0.unwrap_err(), failure);
    }
}

#[tokio::test(start_paused = true)]
async fn agent_that_dies_before_a_claim_leaves_the_job_to_the_next_agent() {
    let world = world();
    agents(&world, &[Act::Ask(40), Act::Ask(40)]).await;
    world.gateway.closed(1);
    let (verdict, millis) = sign_in(&world, "right").await;
    assert!(is_ticket_of(&verdict, 2) && millis == 40, "{verdict:?} {millis}");
}

/// The agent's connection ends after the claim, before the agent gets the sealed password.
#[tokio::test(start_paused = true)]
async fn job_is_lost_at_once_if_the_agent_is_gone_after_its_claim() {
    let world = world();
    agents(&world, &[Act::Ask(40)]).await;
    let offer = Offer { job: Fixed::new([1; 16]), tenant: tenant(), excluded: None, wait: Duration::ZERO };
    let claim = world.gateway.claim(&offer).unwrap();
    world.gateway.closed(1);
    let terms = crate::terms::Terms { job: offer.job, ..crate::terms::tests::terms() };
    let sealed = sealing_key(1).public().seal_password(&terms, b"right", world.random()).unwrap().0;
    assert_eq!(world.queue.send(claim, Job::new(&terms, sealed)).await, Err(Lost));
}

#[tokio::test(start_paused = true)]
async fn job_fails_after_nine_seconds_if_two_agents_hang() {
    let world = world();
    agents(&world, &[Act::Hang, Act::Hang, Act::Ask(1)]).await;
    let (verdict, millis) = sign_in(&world, "right").await;
    assert_eq!((verdict.unwrap_err(), millis), (Failure::TimedOut, 9_000));
}

/// A silent agent may have asked the directory. An agent that answers that it reaches no KDC has not asked the directory.
#[tokio::test(start_paused = true)]
async fn silence_of_an_agent_counts_as_a_checked_password_and_an_unreachable_directory_does_not() {
    for (acts, expected) in [
        (vec![Act::Hang, Act::Hang], true),
        (vec![Act::Die], true),
        (vec![Act::Hang, Act::Fail(Fault::Unreachable)], true),
        (vec![Act::Fail(Fault::Unreachable), Act::Die], true),
        (vec![Act::Fail(Fault::Unreachable), Act::Fail(Fault::Busy)], false),
        (vec![Act::Fail(Fault::Timeout)], false),
        (vec![], false),
    ] {
        let world = world();
        agents(&world, &acts).await;
        assert_eq!(ask_about(&world, "wrong").await.0.unwrap_err().may_be_checked, expected, "{expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn answer_after_its_attempt_is_refused_if_the_second_agent_has_answered_the_job() {
    let world = world();
    let late = start(&world, 1, Act::Ask(6_000));
    tokio::task::yield_now().await;
    let in_time = start(&world, 2, Act::Ask(40));
    tokio::task::yield_now().await;
    let (verdict, _) = sign_in(&world, "right").await;
    assert!(is_ticket_of(&verdict, 2), "{verdict:?}");
    assert_eq!(in_time.await.unwrap(), Some(Ok(())));
    assert_eq!(late.await.unwrap(), Some(Err(AnswerError::OtherAgent)), "the second agent has answered the job");
    agents(&world, &[Act::Ask(6_000)]).await;
    let (asking, began) = (sign_in(&world, "right"), Instant::now());
    assert_eq!(asking.await.0.unwrap_err(), Failure::TimedOut);
    assert_eq!(began.elapsed(), Duration::from_secs(5), "the second agent is connected, but takes no job");
}

#[tokio::test(start_paused = true)]
async fn repeated_answer_and_answer_of_another_agent_are_recognised_for_a_minute() {
    let world = world();
    let job = Fixed::new([1; 16]);
    let answer = || Answer::Unopened { v: V1, job };
    let offer = Offer { job, tenant: tenant(), excluded: None, wait: Duration::ZERO };
    let taking = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.gateway.take(place(1)).await })
    };
    tokio::task::yield_now().await;
    assert_eq!(world.gateway.answer(agent(1), answer()), Err(AnswerError::Late), "never sent");
    world.gateway.claim(&offer).unwrap();
    let terms = crate::terms::Terms { job, ..crate::terms::tests::terms() };
    let sealed = sealing_key(1).public().seal_password(&terms, b"right", world.random()).unwrap().0;
    let sending = {
        let (world, job) = (Arc::clone(&world), Job::new(&terms, sealed));
        tokio::spawn(async move { world.gateway.send(job).await })
    };
    assert!(matches!(taking.await.unwrap(), Taken::Job(_)));
    assert_eq!(world.gateway.answer(agent(2), answer()), Err(AnswerError::OtherAgent));
    assert_eq!(world.gateway.answer(agent(1), answer()), Ok(()));
    assert_eq!(sending.await.unwrap(), Ok(answer()));
    assert_eq!(world.gateway.answer(agent(1), answer()), Err(AnswerError::Again));
    assert_eq!(world.gateway.answer(agent(2), answer()), Err(AnswerError::OtherAgent));
    sleep(Duration::from_secs(61)).await;
    assert_eq!(world.gateway.answer(agent(1), answer()), Err(AnswerError::Late));
}

/// A broker may lose the response to an offer, and the owner then offers the job again.
#[tokio::test(start_paused = true)]
async fn repeated_offer_gets_the_claim_of_the_first_offer() {
    let world = world();
    agents(&world, &[Act::Ask(40), Act::Ask(40)]).await;
    let offer = Offer { job: Fixed::new([1; 16]), tenant: tenant(), excluded: None, wait: Duration::ZERO };
    let claim = world.gateway.claim(&offer).unwrap();
    assert_eq!(world.gateway.claim(&offer), Some(claim));
    let other = Offer { excluded: Some(claim.agent), ..offer };
    assert_ne!(world.gateway.claim(&other).unwrap().agent, claim.agent);
    let next = Offer { job: Fixed::new([2; 16]), excluded: None, ..other };
    assert_eq!(world.gateway.claim(&next).unwrap().agent, claim.agent, "the first agent waits again");
}

/// The owner of the job is another node, so this node does not learn that the owner gave the first attempt up. So the
/// first attempt still waits for an answer when the second attempt comes.
#[tokio::test(start_paused = true)]
async fn second_attempt_of_a_job_ends_the_first_attempt_and_gets_its_own_answer() {
    let world = world();
    let (first, second) = (start(&world, 1, Act::Ask(2_000)), Arc::clone(&world));
    tokio::task::yield_now().await;
    let send = |excluded| {
        let offer = Offer { job: Fixed::new([1; 16]), tenant: tenant(), excluded, wait: Duration::ZERO };
        let claim = world.gateway.claim(&offer).unwrap();
        let number = if claim.agent == agent(1) { 1 } else { 2 };
        let key = sealing_key(number).public();
        let terms = crate::terms::Terms { key: key.id(), agent: claim.agent, ..crate::terms::tests::terms() };
        let terms = crate::terms::Terms { job: offer.job, ..terms };
        let job = Job::new(&terms, key.seal_password(&terms, b"right", world.random()).unwrap().0);
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.gateway.send(job).await })
    };
    let lost = send(None);
    sleep(Duration::from_millis(100)).await;
    let second = tokio::spawn(async move { one(&second, 2, Act::Ask(40)).await });
    tokio::task::yield_now().await;
    let kept = send(Some(agent(1)));
    assert_eq!(lost.await.unwrap(), Err(Lost));
    assert!(matches!(kept.await.unwrap(), Ok(Answer::Sealed { .. })));
    assert_eq!(second.await.unwrap(), Some(Ok(())));
    assert_eq!(first.await.unwrap(), Some(Err(AnswerError::OtherAgent)));
}

/// If the owner's node dies or the browser disconnects, the future of the owner is dropped.
#[tokio::test(start_paused = true)]
async fn answer_to_a_job_whose_owner_is_gone_is_refused_as_late() {
    let world = world();
    let agent = start(&world, 1, Act::Ask(1_000));
    tokio::task::yield_now().await;
    let asking = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { sign_in(&world, "right").await.1 })
    };
    sleep(Duration::from_millis(500)).await;
    assert_eq!(world.gateway.running(), 1);
    asking.abort();
    assert_eq!(agent.await.unwrap(), Some(Err(AnswerError::Late)));
    assert_eq!(world.gateway.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn agent_that_the_registry_does_not_know_any_more_gets_no_password() {
    let world = world();
    world.revoked.lock().unwrap().push(agent(1));
    agents(&world, &[Act::Ask(40), Act::Ask(40)]).await;
    assert!(is_ticket_of(&sign_in(&world, "right").await.0, 2));
    world.gateway.closed(2);
    agents(&world, &[Act::Ask(40)]).await;
    assert_eq!(sign_in(&world, "right").await.0.unwrap_err(), Failure::NoAgent);
}

#[tokio::test(start_paused = true)]
async fn revoked_agent_loses_its_job_and_its_requests_at_once() {
    let world = world();
    let (first, waiting) = (start(&world, 1, Act::Ask(2_000)), Arc::clone(&world));
    tokio::task::yield_now().await;
    let waiting = tokio::spawn(async move { waiting.gateway.take(place(1)).await });
    tokio::task::yield_now().await;
    start(&world, 2, Act::Ask(40));
    tokio::task::yield_now().await;
    let asking = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { sign_in(&world, "right").await })
    };
    sleep(Duration::from_millis(100)).await;
    world.gateway.end(agent(1));
    let (verdict, millis) = asking.await.unwrap();
    assert!(is_ticket_of(&verdict, 2) && millis == 140, "{verdict:?} {millis}");
    assert!(matches!(waiting.await.unwrap(), Taken::Ended));
    assert_eq!(first.await.unwrap(), Some(Err(AnswerError::OtherAgent)));
}

#[tokio::test(start_paused = true)]
async fn agent_of_another_tenant_gets_no_job() {
    let world = world();
    let other = Place { tenant: Tenant::new("fabrikam.test").unwrap(), ..place(1) };
    let taking = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.gateway.take(other).await })
    };
    tokio::task::yield_now().await;
    assert_eq!(sign_in(&world, "right").await.0.unwrap_err(), Failure::NoAgent);
    assert!(matches!(taking.await.unwrap(), Taken::Nothing));
}

#[tokio::test(start_paused = true)]
async fn request_without_a_job_ends_after_25_seconds() {
    let (world, began) = (world(), Instant::now());
    assert!(matches!(world.gateway.take(place(1)).await, Taken::Nothing));
    assert_eq!(began.elapsed(), Duration::from_secs(25));
    let offer = Offer { job: Fixed::new([1; 16]), tenant: tenant(), excluded: None, wait: Duration::ZERO };
    assert_eq!(world.gateway.claim(&offer), None);
}

#[tokio::test(start_paused = true)]
async fn request_waits_again_one_second_after_a_claim_without_a_password() {
    let world = world();
    agents(&world, &[Act::Ask(40)]).await;
    let offer = Offer { job: Fixed::new([1; 16]), tenant: tenant(), excluded: None, wait: Duration::ZERO };
    assert!(world.gateway.claim(&offer).is_some());
    sleep(Duration::from_millis(600)).await;
    let (verdict, millis) = sign_in(&world, "right").await;
    assert!(is_ticket_of(&verdict, 1) && millis == 440, "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn offer_waits_half_a_second_for_a_busy_agent() {
    for (job, expected) in [(400, Ok(())), (600, Err(Failure::Busy))] {
        let world = world();
        let agent = Arc::clone(&world);
        tokio::spawn(async move {
            loop {
                one(&agent, 1, Act::Ask(job)).await;
            }
        });
        tokio::task::yield_now().await;
        let first = {
            let world = Arc::clone(&world);
            tokio::spawn(async move { sign_in(&world, "right").await.0 })
        };
        tokio::task::yield_now().await;
        let (second, millis) = sign_in(&world, "right").await;
        assert_eq!(second.map(drop), expected);
        assert_eq!(millis, if expected.is_ok() { 800 } else { 500 });
        assert!(first.await.unwrap().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn offer_beyond_256_waiting_offers_of_a_tenant_fails_as_busy_at_once() {
    let world = world();
    agents(&world, &[Act::Hang]).await;
    let mut asking = Vec::new();
    for _ in 0..=MAX_WAITING {
        let world = Arc::clone(&world);
        asking.push(tokio::spawn(async move { sign_in(&world, "right").await }));
        tokio::task::yield_now().await;
    }
    let (verdict, millis) = sign_in(&world, "right").await;
    assert_eq!((verdict.unwrap_err(), millis), (Failure::Busy, 0));
}

#[tokio::test(start_paused = true)]
async fn offer_goes_to_the_agent_with_the_fewest_jobs() {
    let world = world();
    for number in [1, 1, 1, 2, 2, 2] {
        start(&world, number, Act::Ask(1_000));
        tokio::task::yield_now().await;
    }
    let mut counts = [0; 3];
    let mut asking = Vec::new();
    for _ in 0..4 {
        let world = Arc::clone(&world);
        asking.push(tokio::spawn(async move { sign_in(&world, "right").await.0 }));
        tokio::task::yield_now().await;
    }
    for asking in asking {
        let Ok(Verdict::Ticket(ticket)) = asking.await.unwrap() else { panic!() };
        let number: usize = if ticket.agent == agent(1) { 1 } else { 2 };
        *counts.get_mut(number).unwrap() += 1;
    }
    assert_eq!(counts, [0, 2, 2]);
}
