//! Tests what happens to a job between nodes when a node, an agent or the broker fails. The clock is Tokio's, which a
//! test can pause, and the broker is in memory.
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

    /// Kills the node: its connections and those of its agents end, and its tasks stop.
    fn kill(&mut self) {
        self.wire.cut();
        self.queue = None;
        self.agents.iter().for_each(JoinHandle::abort);
    }
}

/// Starts a node with agents. Waits until the agents wait for jobs and the node has subscribed to offers for these
/// agents.
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

/// Waits until each node assumes that all other nodes are connected.
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
async fn agent_of_another_node_returns_a_ticket_or_the_refusal_of_the_directory() {
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
async fn without_the_broker_a_sign_in_succeeds_with_an_own_agent_and_fails_without_own_agents() {
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

/// Node B subscribes to the offers of its tenant, but the broker does not deliver a node's own offer to this node.
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
async fn no_node_subscribes_to_offers_of_a_tenant_without_agents() {
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

/// The first node that reconnects finds no other node for a moment. This node does not conclude that no other node has
/// an agent.
#[tokio::test(start_paused = true)]
async fn offer_waits_until_the_broker_and_the_other_node_are_back() {
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

/// The node is stopped but its connection stays open, so the broker still gives offers to the node.
#[tokio::test(start_paused = true)]
async fn node_that_hangs_before_a_claim_leaves_the_job_to_another_node() {
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
async fn attempt_is_lost_at_once_if_its_node_dies_between_the_claim_and_the_job() {
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
async fn attempt_is_lost_when_its_time_is_over_if_its_node_dies_while_the_directory_is_asked() {
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
async fn agent_of_another_node_that_dies_or_hangs_leaves_the_job_to_the_next_agent() {
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

/// Four nodes have only the excluded agent, and one node has another agent. The broker does not know which node has the
/// other agent.
#[tokio::test(start_paused = true)]
async fn second_attempt_finds_the_only_node_with_another_agent() {
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

/// If node A dies or the browser goes away, the future of the owner is dropped, and node B does not learn of it.
#[tokio::test(start_paused = true)]
async fn job_whose_owner_is_gone_ends_when_the_time_of_its_attempt_is_over() {
    let hub = Arc::<Hub>::default();
    let (a, b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Hang)]).await);
    let desk = Desk::new();
    let gone = tokio::time::timeout(Duration::from_millis(500), sign_in(a.queue(), &desk, RIGHT)).await;
    assert!(gone.is_err());
    assert_eq!(b.gateway.running(), 1);
    sleep(Duration::from_millis(4_001)).await;
    assert_eq!(b.gateway.running(), 0);
}

/// Two nodes have two agents each. Each second, all nodes lose the broker. Then they reconnect one after the other,
/// within 150 ms.
#[tokio::test(start_paused = true)]
async fn thousand_sign_ins_get_the_right_verdict_in_time_while_the_broker_is_killed_each_second() {
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
