#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use super::*;
use crate::message::{Kdc, V1};
use crate::seal::SealingKey;
use std::time::Duration;

const NOW: Time = Time::from_seconds(1_795_000_000);

fn at(seconds: u64) -> Time {
    NOW.after(Duration::from_secs(seconds))
}

fn serial(number: u8) -> Serial {
    Serial::new([number; 16])
}

fn key(number: u8) -> SealingPublicKey {
    SealingKey::from_random(&[number; 32]).public()
}

fn csr(number: u8) -> Csr {
    Csr::new(vec![number]).unwrap()
}

/// Returns the certificate of the generation `number`.
fn issued(number: u8) -> Issued {
    Issued { serial: serial(number), key: key(number), not_after: at(604_800), challenge: Fixed::new([number; 32]) }
}

fn enrolled(role: Role) -> Agent {
    let newcomer = Newcomer {
        id: AgentId::from_random([1; 16]),
        tenant: Tenant::new("contoso.test").unwrap(),
        role,
        host: Host::new("gw1").unwrap(),
        version: ProgramVersion::new("0.1.0").unwrap(),
    };
    Agent::enrol(newcomer, &issued(1), &csr(1), NOW)
}

fn request(number: u8, proof: Option<u8>) -> Take {
    let health = Health { kdc: Kdc::Ok, ms: 1 };
    Take { v: V1, key: key(number).id(), proof: proof.map(|octet| Fixed::new([octet; 32])), free: 1, health }
}

fn take(agent: &Agent, number: u8, proof: Option<u8>, seconds: u64) -> Result<Agent, Denied> {
    agent.clone().take(&serial(number), &request(number, proof), "192.0.2.1", at(seconds))
}

fn active() -> Agent {
    take(&enrolled(Role::Pta), 1, Some(1), 0).unwrap()
}

#[test]
fn first_request_for_a_job_needs_the_opened_challenge_and_later_requests_do_not() {
    let agent = enrolled(Role::Pta);
    assert_eq!(agent.state(NOW), State::Enrolled);
    assert_eq!(take(&agent, 1, None, 0), Err(Denied::Unproved));
    assert_eq!(take(&agent, 1, Some(2), 0), Err(Denied::Unproved));
    assert_eq!(agent.sealing_key(&key(1).id(), NOW), None, "no password is sealed to an unproved key");
    let agent = take(&agent, 1, Some(1), 0).unwrap();
    assert_eq!(agent.state(NOW), State::Active);
    assert_eq!(agent.sealing_key(&key(1).id(), NOW), Some(key(1)));
    assert!(take(&agent, 1, None, 1).is_ok());
}

#[test]
fn agent_is_silent_after_30_seconds_without_a_request_for_a_job_and_active_after_a_request() {
    let agent = active();
    assert_eq!((agent.state(at(29)), agent.state(at(30))), (State::Active, State::Silent));
    let again = take(&agent, 1, None, 100).unwrap();
    assert_eq!(again.state(at(100)), State::Active);
    assert_eq!(again.seen().map(|seen| (seen.at, seen.address.as_str())), Some((at(100), "192.0.2.1")));
}

#[test]
fn agent_with_a_wrong_clock_is_silent() {
    let skewed = Take { health: Health { kdc: Kdc::ClockSkew, ms: 0 }, ..request(1, None) };
    let agent = active().take(&serial(1), &skewed, "", at(1)).unwrap();
    assert_eq!(agent.state(at(1)), State::Silent);
}

#[test]
fn request_with_another_certificate_or_another_key_or_another_role_takes_no_job() {
    let agent = active();
    assert_eq!(take(&agent, 2, None, 0), Err(Denied::Certificate));
    assert_eq!(agent.clone().take(&serial(1), &request(2, None), "", NOW), Err(Denied::Key));
    assert_eq!(take(&agent, 1, None, 604_800), Err(Denied::Expired));
    assert!(take(&agent, 1, None, 604_799).is_ok());
    assert_eq!(take(&enrolled(Role::Phs), 1, Some(1), 0), Err(Denied::Role));
}

/// The test applies every two decisions one after the other, in both orders. Then it checks what the agent may do.
#[test]
fn agent_that_was_revoked_or_locked_stays_denied_after_another_decision_and_draining_agent_gets_no_jobs() {
    type Decision = fn(Agent) -> Agent;
    let decide: [(Decision, State); 4] = [
        (|agent| agent, State::Active),
        (Agent::draining, State::Draining),
        (Agent::revoked, State::Revoked),
        (Agent::locked, State::Locked),
    ];
    for (first, state) in decide {
        for (second, wanted) in decide {
            let agent = second(first(active()));
            let expected = match (state, wanted) {
                (State::Revoked, _) | (_, State::Revoked) => State::Revoked,
                (State::Locked, _) | (_, State::Locked) => State::Locked,
                (State::Draining, _) | (_, State::Draining) => State::Draining,
                _ => State::Active,
            };
            assert_eq!(agent.state(NOW), expected, "{state:?} {wanted:?}");
            let (speaks, takes) = (agent.may_speak(&serial(1), NOW), take(&agent, 1, None, 0).map(drop));
            let renews = agent.may_renew(&serial(1), 1, &csr(2), NOW).map(drop);
            let denied = match expected {
                State::Revoked => Err(Denied::Revoked),
                State::Locked => Err(Denied::Locked),
                _ => Ok(()),
            };
            assert_eq!((speaks, renews), (denied, denied), "{expected:?}");
            assert_eq!(takes, if expected == State::Draining { Err(Denied::Draining) } else { denied });
        }
    }
}

#[test]
fn old_certificate_and_key_are_accepted_for_a_minute_after_a_renewal() {
    let agent = active();
    assert_eq!(agent.may_renew(&serial(1), 1, &csr(2), NOW), Ok(Renewal::Issue));
    let agent = agent.renewed(&issued(2), &csr(2), NOW);
    assert_eq!(agent.generation(), 2);
    assert_eq!(
        (agent.sealing_key(&key(1).id(), at(59)), agent.sealing_key(&key(1).id(), at(60))),
        (Some(key(1)), None)
    );
    assert!(take(&agent, 1, None, 59).is_ok());
    assert_eq!(take(&agent, 1, None, 60), Err(Denied::Certificate));
    assert_eq!(take(&agent, 2, None, 0), Err(Denied::Unproved), "each new key is proved");
    assert!(take(&agent, 2, Some(2), 0).is_ok());
}

#[test]
fn repeated_renewal_with_the_same_request_gets_another_certificate_of_the_same_generation() {
    let agent = active().renewed(&issued(2), &csr(2), NOW);
    assert_eq!(agent.may_renew(&serial(1), 1, &csr(2), at(1)), Ok(Renewal::Repeat));
    let again = agent.repeated(&issued(4), &csr(2));
    assert_eq!(again.generation(), 2);
    assert!(take(&again, 4, Some(4), 1).is_ok() && take(&again, 1, None, 1).is_ok());
    assert_eq!(take(&again, 2, Some(2), 1), Err(Denied::Certificate), "nobody has the lost certificate");
}

/// The copy and the original of an agent renew one after the other, in either order.
#[test]
fn second_renewal_from_one_generation_locks_the_agent() {
    let agent = active().renewed(&issued(2), &csr(2), NOW);
    assert_eq!(agent.may_renew(&serial(1), 1, &csr(3), at(1)), Err(Denied::Locked));
    let agent = agent.locked();
    for number in [1, 2] {
        assert_eq!(take(&agent, number, Some(2), 1), Err(Denied::Locked));
        assert_eq!(agent.may_renew(&serial(number), 2, &csr(4), at(1)), Err(Denied::Locked));
    }
}

/// The test tries each certificate with each generation number, after two renewals.
#[test]
fn only_a_request_with_the_present_certificate_and_the_present_generation_may_renew() {
    let agent = active().renewed(&issued(2), &csr(2), NOW).renewed(&issued(3), &csr(3), NOW);
    for number in 0..=5 {
        for generation in 0..=5 {
            let decided = agent.may_renew(&serial(number), generation, &csr(9), at(1));
            let expected = match (number, generation) {
                (3, 3) => Ok(Renewal::Issue),
                (2 | 3, _) => Err(Denied::Locked),
                _ => Err(Denied::Certificate),
            };
            assert_eq!(decided, expected, "{number} {generation}");
        }
    }
}

#[test]
fn stored_agent_is_read_back() {
    let agent = active().renewed(&issued(2), &csr(2), NOW);
    let text = serde_json::to_string(&agent).unwrap();
    assert_eq!(serde_json::from_str::<Agent>(&text).unwrap(), agent);
}

#[test]
fn number_of_an_agent_is_a_random_uuid_in_small_letters() {
    for octet in [0, 0xFF] {
        let id = AgentId::from_random([octet; 16]);
        assert_eq!(AgentId::parse(&id.to_string()), Some(id));
    }
    assert_eq!(AgentId::from_random([0xFF; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    for text in [
        "FFFFFFFF-ffff-4fff-bfff-ffffffffffff",
        "ffffffffffff4fffbfffffffffffffff",
        "ffffffff-ffff-1fff-bfff-ffffffffffff",
        "+fffffff-ffff-4fff-bfff-ffffffffffff",
        "",
    ] {
        assert_eq!(AgentId::parse(text), None, "{text}");
    }
}
