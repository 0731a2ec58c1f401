//! Tests that an agent's requests at one node end after an operator has revoked or drained the agent at another node.

use super::*;
use seamless_pta::queue::{Place, Taken};
use tokio::time::Instant;

/// Returns two nodes with one store, and an agent that waits for a job at the first node.
async fn nodes() -> ([Arc<Agents>; 2], TestAgent, JoinHandle<Taken>) {
    let records = Records::for_tests();
    let listen = "127.0.0.1:8443".parse().unwrap();
    let here = Agents::of_test_realm(listen, &records).await.unwrap();
    let there = Agents::of_test_realm(listen, &records).await.unwrap();
    let agent = TestAgent::enrol_at(&here).await;
    let (id, tenant) = (agent.enrolled.agent, agent.enrolled.tenant.clone());
    let place = Place { agent: id, tenant, key: agent.sealing.public().id(), connection: 1 };
    let taking = {
        let here = Arc::clone(&here);
        tokio::spawn(async move { here.gateway.take(place).await })
    };
    while here.gateway.agents().is_empty() {
        tokio::task::yield_now().await;
    }
    ([here, there], agent, taking)
}

#[tokio::test(start_paused = true)]
async fn agent_that_is_revoked_at_another_node_loses_its_request_within_a_second() {
    let ([_here, there], agent, taking) = nodes().await;
    let began = Instant::now();
    assert!(there.revoke(agent.enrolled.agent).await.unwrap());
    assert!(matches!(taking.await.unwrap(), Taken::Ended));
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn agent_that_drains_at_another_node_loses_its_request_within_a_second() {
    let ([_here, there], agent, taking) = nodes().await;
    let began = Instant::now();
    assert!(there.drain(agent.enrolled.agent).await.unwrap());
    assert!(matches!(taking.await.unwrap(), Taken::Ended));
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn agent_that_nobody_revoked_or_drained_waits_for_a_job_for_25_seconds() {
    let (_nodes, _agent, taking) = nodes().await;
    let began = Instant::now();
    assert!(matches!(taking.await.unwrap(), Taken::Nothing));
    assert!(began.elapsed() >= Duration::from_secs(24), "{:?}", began.elapsed());
}
