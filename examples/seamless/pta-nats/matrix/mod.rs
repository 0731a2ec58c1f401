//! The failure matrix of a job between nodes, with the clock of the test and a broker in memory.
#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

mod hostile;
mod hub;
#[path = "../examples/made_up/mod.rs"]
mod made_up;
mod permissions;

use crate::broker::Broker as _;
use crate::{Nats, NodeName, subject};
use hub::{Hub, Wire};
use made_up::{Act, Desk, RIGHT, agent, sign_in, tenant, work};
use seamless_pta::queue::{Gateway, Queue as _, Verdict};
use seamless_pta::verdict::{Failure, Refusal};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

/// A node with its connection, its queue and its agents.
struct One {
    wire: Arc<Wire>,
    queue: Option<Nats>,
    gateway: Arc<Gateway>,
    agents: Vec<JoinHandle<()>>,
}

impl One {
    fn queue(&self) -> &Nats {
        self.queue.as_ref().unwrap()
    }

    /// Kills the node: its connections end, those of its agents, too, and its tasks are gone.
    fn kill(&mut self) {
        self.wire.cut();
        self.queue = None;
        self.agents.iter().for_each(JoinHandle::abort);
    }
}

/// Starts a node with agents, and waits until they wait and the other nodes know of them.
async fn node(hub: &Arc<Hub>, name: &str, agents: &[(u8, Act)]) -> One {
    let (wire, gateway) = (hub.connect(), Arc::new(Gateway::default()));
    let queue = Nats::new(wire.clone(), NodeName::parse(name).unwrap());
    queue.serve(Arc::clone(&gateway));
    let mut tasks = Vec::new();
    for (number, act) in agents {
        tasks.push(tokio::spawn(work(Arc::clone(&gateway), *number, (*number).into(), *act)));
        yield_now().await;
    }
    for _ in 0..4 {
        yield_now().await;
    }
    One { wire, queue: Some(queue), gateway, agents: tasks }
}

/// Waits until all nodes are known to be connected.
async fn settle() {
    sleep(Duration::from_secs(2)).await;
}

fn is_ticket_of(verdict: &Result<Verdict, Failure>, number: u8) -> bool {
    matches!(verdict, Ok(Verdict::Ticket(ticket)) if ticket.agent == agent(number))
}

fn is_refused(verdict: &Result<Verdict, Failure>) -> bool {
    matches!(verdict, Ok(Verdict::Refused { refusal: Refusal::WrongPassword, .. }))
}

#[tokio::test(start_paused = true)]
async fn agent_of_another_node_brings_a_ticket_or_the_refusal_of_the_directory() {
    let hub = Arc::<Hub>::default();
    let (a, _b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Ask(40))]).await);
    let (verdict, millis) = sign_in(a.queue(), &Desk::new(), RIGHT).await;
    assert!(is_ticket_of(&verdict, 1) && millis == 40, "{verdict:?} {millis}");
    let (verdict, millis) = sign_in(a.queue(), &Desk::new(), "wrong").await;
    assert!(is_refused(&verdict) && millis == 40, "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn node_prefers_its_own_agents_and_asks_the_broker_if_they_are_busy() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[(1, Act::Ask(400))]).await;
    let _b = node(&hub, "n2", &[(2, Act::Ask(40))]).await;
    let desk = Desk::new();
    let (first, second) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
        yield_now().await;
        assert_eq!(hub.frames().len(), 0);
        sign_in(a.queue(), &desk, RIGHT).await
    });
    assert!(is_ticket_of(&first.0, 1) && is_ticket_of(&second.0, 2), "{first:?} {second:?}");
    assert_eq!((first.1, second.1), (400, 40));
    assert_eq!(hub.frames().len(), 4, "an offer, a claim, a job and an answer");
}

#[tokio::test(start_paused = true)]
async fn own_agents_serve_while_the_broker_is_away_and_others_cannot_be_reached() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[(1, Act::Ask(40))]).await;
    let b = node(&hub, "n2", &[]).await;
    settle().await;
    a.wire.cut();
    b.wire.cut();
    assert!(is_ticket_of(&sign_in(a.queue(), &Desk::new(), RIGHT).await.0, 1));
    let (verdict, millis) = sign_in(b.queue(), &Desk::new(), RIGHT).await;
    assert_eq!((verdict.unwrap_err(), millis), (Failure::NoAgent, 500));
}

/// The node has an agent, but NATS does not give an offer back to its sender.
#[tokio::test(start_paused = true)]
async fn job_without_any_agent_fails_at_once() {
    let hub = Arc::<Hub>::default();
    let (a, b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Die)]).await);
    settle().await;
    let (verdict, millis) = sign_in(b.queue(), &Desk::new(), RIGHT).await;
    assert_eq!((verdict.unwrap_err(), millis), (Failure::TimedOut, 0), "the only agent has died");
    let (verdict, millis) = sign_in(a.queue(), &Desk::new(), RIGHT).await;
    assert_eq!((verdict.unwrap_err(), millis), (Failure::NoAgent, 0));
}

#[tokio::test(start_paused = true)]
async fn tenant_without_agents_has_no_receiver_of_offers() {
    let hub = Arc::<Hub>::default();
    let offers = subject::offers(&tenant());
    let b = node(&hub, "n2", &[(1, Act::Ask(40)), (2, Act::Ask(40))]).await;
    assert_eq!(hub::groups(&hub, &offers), [Some(subject::GROUP)]);
    b.gateway.closed(1);
    b.gateway.closed(2);
    let a = node(&hub, "n1", &[]).await;
    settle().await;
    assert_eq!(sign_in(a.queue(), &Desk::new(), RIGHT).await.0.unwrap_err(), Failure::NoAgent);
    assert_eq!(hub::groups(&hub, &offers), []);
}

/// The first node to come back finds nobody for a moment, and does not believe it.
#[tokio::test(start_paused = true)]
async fn offer_waits_for_a_broker_and_a_node_that_come_back() {
    let hub = Arc::<Hub>::default();
    let (a, b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Ask(40))]).await);
    settle().await;
    a.wire.cut();
    b.wire.cut();
    let desk = Desk::new();
    let ((verdict, millis), ()) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
        sleep(Duration::from_millis(150)).await;
        a.wire.join();
        sleep(Duration::from_millis(200)).await;
        b.wire.join();
    });
    assert!(is_ticket_of(&verdict, 1) && (390..=410).contains(&millis), "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn broker_that_dies_between_the_claim_and_the_job_costs_one_attempt() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[]).await;
    let _b = node(&hub, "n2", &[(1, Act::Ask(40)), (2, Act::Ask(40))]).await;
    settle().await;
    let (wire, count) = (Arc::clone(&a.wire), std::sync::atomic::AtomicU8::new(0));
    let cut = move |_| {
        if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            wire.cut();
        }
        true
    };
    let desk = Desk::with(cut);
    let ((verdict, millis), ()) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
        sleep(Duration::from_millis(100)).await;
        a.wire.join();
    });
    assert!(is_ticket_of(&verdict, 2) && (140..=160).contains(&millis), "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn broker_that_dies_while_the_directory_is_asked_ends_the_attempt_at_once() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[]).await;
    let b = node(&hub, "n2", &[(1, Act::Ask(1_000)), (2, Act::Ask(40))]).await;
    settle().await;
    let desk = Desk::new();
    let ((verdict, millis), ()) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
        sleep(Duration::from_millis(500)).await;
        a.wire.cut();
        b.wire.cut();
        sleep(Duration::from_millis(100)).await;
        a.wire.join();
        b.wire.join();
    });
    assert!(is_ticket_of(&verdict, 2) && (640..=660).contains(&millis), "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn node_that_dies_before_a_claim_leaves_the_job_to_the_other_gateways() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[]).await;
    let mut b = node(&hub, "n2", &[(1, Act::Ask(40))]).await;
    let _c = node(&hub, "n3", &[(2, Act::Ask(40))]).await;
    b.kill();
    for _ in 0..4 {
        let (verdict, millis) = sign_in(a.queue(), &Desk::new(), RIGHT).await;
        assert!(is_ticket_of(&verdict, 2) && millis == 40, "{verdict:?} {millis}");
    }
}

/// The node is stopped, and its connection stays: the broker gives offers to it.
#[tokio::test(start_paused = true)]
async fn node_that_hangs_before_a_claim_costs_an_eighth_of_a_second() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[]).await;
    let hanging = hub.connect();
    let _requests = hanging.subscribe(subject::offers(&tenant()), Some(subject::GROUP)).await;
    let _c = node(&hub, "n3", &[(2, Act::Ask(40))]).await;
    for _ in 0..4 {
        let (verdict, millis) = sign_in(a.queue(), &Desk::new(), RIGHT).await;
        assert!(is_ticket_of(&verdict, 2) && millis <= 500 + 40, "{verdict:?} {millis}");
    }
}

#[tokio::test(start_paused = true)]
async fn node_that_dies_between_the_claim_and_the_job_is_known_at_once() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[]).await;
    let b = node(&hub, "n2", &[(1, Act::Ask(40))]).await;
    let wire = Arc::clone(&b.wire);
    let cut = move |id| {
        if id == agent(1) {
            wire.cut();
        }
        true
    };
    let desk = Desk::with(cut);
    let ((verdict, millis), _c) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
        yield_now().await;
        node(&hub, "n3", &[(2, Act::Ask(40))]).await
    });
    assert!(is_ticket_of(&verdict, 2) && millis <= 40 + 25, "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn node_that_dies_while_the_directory_is_asked_costs_the_attempt() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[]).await;
    let mut b = node(&hub, "n2", &[(1, Act::Ask(1_000))]).await;
    let desk = Desk::new();
    let ((verdict, millis), _c) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
        sleep(Duration::from_millis(500)).await;
        b.kill();
        node(&hub, "n3", &[(2, Act::Ask(40))]).await
    });
    assert!(is_ticket_of(&verdict, 2) && millis == 4_540, "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn agent_of_another_node_that_dies_or_hangs_leaves_the_job_to_the_next_one() {
    for (act, least) in [(Act::Die, 0), (Act::Hang, 4_500)] {
        let hub = Arc::<Hub>::default();
        let (a, b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, act)]).await);
        let desk = Desk::new();
        let ((verdict, millis), _c) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
            yield_now().await;
            sleep(Duration::from_millis(1)).await;
            node(&hub, "n3", &[(2, Act::Ask(40))]).await
        });
        assert!(is_ticket_of(&verdict, 2) && (least..least + 70).contains(&millis), "{act:?} {verdict:?} {millis}");
        drop(b);
    }
}

/// Both nodes have an agent, and one of the two is the excluded one: the broker chooses a node blindly.
#[tokio::test(start_paused = true)]
async fn second_attempt_finds_the_one_node_with_another_agent() {
    let hub = Arc::<Hub>::default();
    let a = node(&hub, "n1", &[]).await;
    let hang: Vec<_> = [(1, Act::Hang); 3].into();
    let mut nodes = Vec::new();
    for name in ["n2", "n3", "n4", "n5"] {
        nodes.push(node(&hub, name, &hang).await);
    }
    let desk = Desk::new();
    let ((verdict, millis), _c) = tokio::join!(sign_in(a.queue(), &desk, RIGHT), async {
        sleep(Duration::from_millis(100)).await;
        node(&hub, "n6", &[(2, Act::Ask(40))]).await
    });
    assert!(is_ticket_of(&verdict, 2) && (4_540..4_600).contains(&millis), "{verdict:?} {millis}");
}

#[tokio::test(start_paused = true)]
async fn offer_waits_half_a_second_for_a_busy_agent_of_another_node() {
    for (job, expected) in [(400, Ok(())), (600, Err(Failure::Busy))] {
        let hub = Arc::<Hub>::default();
        let (a, _b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Ask(job))]).await);
        settle().await;
        let desk = Desk::new();
        let (first, (second, millis)) =
            tokio::join!(sign_in(a.queue(), &desk, RIGHT), sign_in(a.queue(), &desk, RIGHT));
        assert!(first.0.is_ok());
        assert_eq!(second.map(drop), expected);
        let within = if expected.is_ok() { 800..=820 } else { 500..=500 };
        assert!(within.contains(&millis), "{millis}");
    }
}

/// Node A dies, or the browser goes away: the future of the owner is dropped, and node B is not told.
#[tokio::test(start_paused = true)]
async fn job_of_an_owner_that_is_gone_ends_at_the_end_of_its_attempt() {
    let hub = Arc::<Hub>::default();
    let (a, b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Hang)]).await);
    let desk = Desk::new();
    let gone = tokio::time::timeout(Duration::from_millis(500), sign_in(a.queue(), &desk, RIGHT)).await;
    assert!(gone.is_err());
    assert_eq!(b.gateway.running(), 1);
    sleep(Duration::from_millis(4_001)).await;
    assert_eq!(b.gateway.running(), 0);
}

/// Two nodes with two agents each, and a broker that is away for 100 ms of each second. The nodes come back one after the
/// other.
#[tokio::test(start_paused = true)]
async fn thousand_sign_ins_end_right_and_in_time_while_the_broker_is_killed_each_second() {
    let hub = Arc::<Hub>::default();
    let a = Arc::new(node(&hub, "n1", &[]).await);
    let several = |number| vec![(number, Act::Ask(50)); 4];
    let b = node(&hub, "n2", &[several(1), several(2)].concat()).await;
    let c = node(&hub, "n3", &[several(3), several(4)].concat()).await;
    let wires = [&a.wire, &b.wire, &c.wire].map(Arc::clone);
    let killing = tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(900)).await;
            for wire in &wires {
                wire.cut();
            }
            for wire in &wires {
                sleep(Duration::from_millis(50)).await;
                wire.join();
            }
        }
    });
    let (mut asking, began) = (Vec::new(), Instant::now());
    for count in 0..1_000_u32 {
        let (a, is_right) = (Arc::clone(&a), count % 3 != 0);
        let ask = async move { sign_in(a.queue(), &Desk::new(), if is_right { RIGHT } else { "wrong" }).await };
        asking.push((is_right, tokio::spawn(ask)));
        sleep(Duration::from_millis(20)).await;
    }
    for (is_right, asking) in asking {
        let (verdict, millis) = asking.await.unwrap();
        let is_as_asked = if is_right { matches!(verdict, Ok(Verdict::Ticket(_))) } else { is_refused(&verdict) };
        assert!(is_as_asked && millis < 10_000, "{is_right} {verdict:?} {millis}");
    }
    assert!(began.elapsed() > Duration::from_secs(19), "the broker was killed 19 times");
    assert!(hub.frames().len() > 4_000);
    killing.abort();
}
