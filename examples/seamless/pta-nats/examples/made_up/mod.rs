//! Made-up agents, whose directory accepts one password, and a node with the keys of these agents. This module is for
//! tests and measurements only.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::arithmetic_side_effects, unreachable_pub)]

use seamless_pta::job::NoVerdict;
use seamless_pta::message::{Answer, Job, Word};
use seamless_pta::queue::{Gateway, Node, Pending, Place, Queue, Taken, Verdict, ask};
use seamless_pta::time::Budget;
use seamless_pta::user::Tenant;
use seamless_pta::verdict::{Failure, Refusal, Told};
use seamless_pta::{AgentId, KeyId, Octets, SealingKey, SealingPublicKey, Time, User};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

/// The password that the directory of the made-up agents accepts.
pub const RIGHT: &str = "Ein-Passwort, das sonst nirgends steht: zwölf";

pub fn tenant() -> Tenant {
    Tenant::new("contoso.test").unwrap()
}

pub fn agent(number: u8) -> AgentId {
    AgentId::from_random([number; 16])
}

pub fn sealing_key(number: u8) -> SealingKey {
    SealingKey::from_random(&[number; 32])
}

/// A node that knows the keys of the agents 1 to 9.
pub struct Desk {
    began: Instant,
    keys: Vec<SealingPublicKey>,
    /// A function that the test sets. The node calls the function between a claim and the sealing of the password. The
    /// function returns whether the registry knows the agent.
    before_seal: Box<dyn Fn(AgentId) -> bool + Send + Sync>,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(|_| true)
    }

    pub fn with(before_seal: impl Fn(AgentId) -> bool + Send + Sync + 'static) -> Self {
        let keys = (1..=9).map(|number| sealing_key(number).public()).collect();
        Self { began: Instant::now(), keys, before_seal: Box::new(before_seal) }
    }
}

impl Node for Desk {
    fn now(&self) -> Time {
        Time::from_seconds(1_795_000_000).after(self.began.elapsed())
    }

    fn random(&self) -> Zeroizing<[u8; 32]> {
        let mut octets = Zeroizing::new([0; 32]);
        getrandom::fill(octets.as_mut_slice()).unwrap();
        octets
    }

    fn sealing_key<'a>(&'a self, _: &'a Tenant, id: AgentId, key: &'a KeyId) -> Pending<'a, Option<SealingPublicKey>> {
        let is_known = (1..=9).any(|number| agent(number) == id) && (self.before_seal)(id);
        let known = self.keys.iter().find(|known| known.id() == *key).copied();
        Box::pin(async move { known.filter(|_| is_known) })
    }
}

/// Asks about alice's password. Returns the result and the time that it took, in milliseconds.
pub async fn sign_in(queue: &dyn Queue, desk: &Desk, password: &str) -> (Result<Verdict, Failure>, u128) {
    let (verdict, millis) = ask_about(queue, desk, password).await;
    (verdict.map_err(|end| end.failure), millis)
}

pub async fn ask_about(queue: &dyn Queue, desk: &Desk, password: &str) -> (Result<Verdict, NoVerdict>, u128) {
    let (began, whom) = (Instant::now(), (tenant(), User::parse("alice").unwrap()));
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let verdict = ask(queue, desk, whom, &password, Budget::within(Duration::from_secs(10))).await;
    (verdict, began.elapsed().as_millis())
}

/// What an agent does with its jobs.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// The agent asks the directory, which answers after this many milliseconds.
    Ask(u64),
    /// The agent does not answer, and its connection stays open.
    Hang,
    /// The agent is killed when it gets its first job, and its connection ends.
    Die,
}

/// Takes jobs of a node until the agent may take no more.
pub async fn work(gateway: Arc<Gateway>, number: u8, connection: u64, act: Act) {
    let key = sealing_key(number);
    let place = Place { agent: agent(number), tenant: tenant(), key: key.public().id(), connection };
    loop {
        let job = match gateway.take(place.clone()).await {
            Taken::Job(job) => job,
            Taken::Nothing => continue,
            Taken::Ended => return,
        };
        match act {
            Act::Ask(millis) => {
                let answer = judge(&job, number, &key, millis).await;
                let _ = gateway.answer(agent(number), answer);
            }
            Act::Hang => std::future::pending().await,
            Act::Die => return gateway.closed(connection),
        }
    }
}

async fn judge(job: &Job, number: u8, key: &SealingKey, millis: u64) -> Answer {
    let (terms, sealed) = job.terms(&tenant(), agent(number)).unwrap();
    let (password, key) = key.open_password(&terms, &sealed).unwrap();
    if millis > 0 {
        sleep(Duration::from_millis(millis)).await;
    }
    let word = if password.as_slice() == RIGHT.as_bytes() {
        Word::Ticket { token: Octets::new(vec![number; 1_500]).unwrap(), ms: 1 }
    } else {
        Word::Refused { code: Refusal::WrongPassword, status: None, told: Told::AfterPassword }
    };
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).unwrap();
    key.answer(&terms, &word, nonce).unwrap()
}
