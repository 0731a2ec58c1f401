#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::encoding::{Octets, Text};
use crate::message::{Answer, V1, Word};
use crate::seal::SealingKey;
use std::time::Duration;

const NOW: Time = Time::from_seconds(1_795_000_000);

fn at(millis: u64) -> Time {
    NOW.after(Duration::from_millis(millis))
}

fn offered() -> Offered {
    let whom = (Tenant::new("contoso.test").unwrap(), User::parse("alice").unwrap());
    let budget = Budget::within(Duration::from_secs(10));
    Offered::new(whom, JobId::new([1; 16]), Fixed::new([2; 32]), budget, NOW)
}

fn key(number: u8) -> SealingKey {
    SealingKey::from_random(&[number; 32])
}

fn agent(number: u8) -> AgentId {
    AgentId::from_random([number; 16])
}

fn claim(number: u8) -> Claim {
    Claim { agent: agent(number), key: key(number).public() }
}

fn sealed(job: Offered, number: u8, millis: u64) -> (Sealed, message::Job) {
    let claimed = job.claim(claim(number), at(millis)).unwrap();
    claimed.seal(b"secret", Zeroizing::new([number; 32]), at(millis)).unwrap()
}

/// Returns an answer with this [`Word`], sealed with the key of the job.
fn say(job: &message::Job, number: u8, word: &Word) -> Answer {
    let (terms, blob) = job.terms(&Tenant::new("contoso.test").unwrap(), agent(number)).unwrap();
    key(number).open_password(&terms, &blob).unwrap().1.answer(&terms, word, [number; 12]).unwrap()
}

fn ticket() -> Word {
    Word::Ticket { token: Octets::new(vec![0x60]).unwrap(), ms: 1 }
}

fn failed(code: Fault) -> Word {
    Word::Failed { code, detail: Text::new("why") }
}

fn refused(code: Refusal) -> Word {
    Word::Refused { code, status: code.status(), told: Told::BeforePassword }
}

/// Returns the outcome of a first attempt whose agent answers with this [`Word`].
fn said(word: &Word, millis: u64) -> Outcome {
    let (sealed, job) = sealed(offered(), 1, 0);
    sealed.answer(agent(1), &say(&job, 1, word), at(millis)).unwrap()
}

#[test]
fn job_passes_through_its_states_to_a_ticket_with_the_bindings_of_its_terms() {
    let (sealed, job) = sealed(offered(), 1, 0);
    let (terms, blob) = job.terms(&Tenant::new("contoso.test").unwrap(), agent(1)).unwrap();
    assert_eq!(key(1).open_password(&terms, &blob).unwrap().0.as_slice(), b"secret");
    assert_eq!((terms.issued, terms.expires), (NOW, at(4_500)));
    let Ok(Outcome::Ticket(ticket)) = sealed.answer(agent(1), &say(&job, 1, &ticket()), at(41)) else { panic!() };
    assert_eq!(format!("{:?}", ticket.bindings), format!("{:?}", terms.bindings()));
}

#[test]
fn refusal_of_the_directory_ends_the_job_without_a_second_attempt() {
    for refusal in Refusal::ALL {
        let outcome = said(&refused(refusal), 1);
        assert!(
            matches!(outcome, Outcome::Refused { refusal: said, told: Told::BeforePassword, .. } if said == refusal),
            "{outcome:?}"
        );
    }
}

/// The agent is lost after its claim or after it got the password, or it answers that it cannot ask the directory. The
/// job is then offered once more, to another agent.
#[test]
fn job_is_offered_once_more_to_another_agent_after_a_lost_or_failed_attempt() {
    let mut ends = vec![
        (offered().claim(claim(1), at(10)).unwrap().lost(at(20)), NoVerdict::unasked(Failure::TimedOut)),
        (sealed(offered(), 1, 10).0.lost(at(4_510)), NoVerdict::unanswered(Failure::TimedOut)),
    ];
    for fault in Fault::ALL {
        let end = NoVerdict { failure: Failure::Agent(fault), may_be_checked: fault.may_be_checked() };
        ends.push((said(&failed(fault), 20), end));
    }
    for (outcome, end) in ends {
        let Outcome::Again(again) = outcome else { panic!("{outcome:?}") };
        assert_eq!(again.excluded(), Some(agent(1)));
        let alone = again.clone().unclaimed(Failure::NoAgent);
        assert_eq!(alone, end, "without a second agent, the job ends with the failure of the first agent");
        let again = again.claim(claim(1), at(30)).unwrap_err();
        assert_eq!(again.1, NotClaimed::SameAgent);
        let (second, job) = sealed(again.0, 2, 30);
        let last = second.answer(agent(2), &say(&job, 2, &failed(Fault::Busy)), at(40)).unwrap();
        let Outcome::Failed(last) = last else { panic!("{last:?}") };
        let expected = NoVerdict { failure: Failure::Agent(Fault::Busy), ..end };
        assert_eq!(last, expected, "the silence of the first agent still counts");
    }
}

/// An attacker may drop or replace answers. Without the key of the job, every attempt of this attacker still counts as
/// a wrong password.
#[test]
fn attempt_counts_unless_an_answer_with_the_key_of_the_job_says_that_the_directory_was_not_asked() {
    let said_nothing: Vec<_> = Fault::ALL.into_iter().filter(|fault| fault.may_be_checked()).collect();
    assert_eq!(said_nothing, [Fault::CannotOpen, Fault::ExpiredJob]);
    let (job, message) = sealed(offered(), 1, 0);
    let Answer::Sealed { v, job: id, word, .. } = say(&message, 1, &failed(Fault::Unreachable)) else { panic!() };
    let forged = Answer::Sealed { v, job: id, nonce: Fixed::new([0; 12]), word };
    let (job, error) = job.answer(agent(1), &forged, at(1)).unwrap_err();
    assert_eq!(error, NotAnswered::Forged);
    let ends = [job.clone().lost(at(1)), job.answer(agent(1), &Answer::Unopened { v: V1, job: id }, at(1)).unwrap()];
    for end in ends {
        let Outcome::Again(again) = end else { panic!("{end:?}") };
        assert!(again.unclaimed(Failure::NoAgent).may_be_checked);
    }
}

#[test]
fn answer_that_is_sealed_with_the_key_of_another_attempt_is_refused_as_forged() {
    let (first, job) = sealed(offered(), 1, 0);
    let Outcome::Again(again) = first.clone().lost(at(4_500)) else { panic!() };
    let (second, other) = sealed(again, 2, 4_600);
    let (_, error) = first.answer(agent(1), &say(&other, 2, &ticket()), at(4_700)).unwrap_err();
    assert_eq!(error, NotAnswered::Forged);
    let (_, error) = second.answer(agent(2), &say(&job, 1, &ticket()), at(4_700)).unwrap_err();
    assert_eq!(error, NotAnswered::Forged);
}

#[test]
fn second_attempt_has_its_own_terms() {
    let (first, job) = sealed(offered(), 1, 0);
    let Outcome::Again(again) = first.lost(at(4_500)) else { panic!() };
    let (second, other) = sealed(again, 2, 4_600);
    assert_eq!(second.ends(), at(9_100));
    let tenant = Tenant::new("contoso.test").unwrap();
    let (terms, blob) = other.terms(&tenant, agent(2)).unwrap();
    assert!(key(2).open_password(&terms, &blob).is_ok());
    assert!(key(1).open_password(&job.terms(&tenant, agent(1)).unwrap().0, &blob).is_err());
    let (_, error) = second.answer(agent(1), &say(&job, 1, &ticket()), at(4_700)).unwrap_err();
    assert_eq!(error, NotAnswered::OtherAgent, "the first agent comes too late");
}

#[test]
fn claim_is_accepted_within_half_a_second_and_a_job_without_a_claim_fails_afterwards() {
    assert_eq!(offered().ends(), at(500));
    assert!(offered().claim(claim(1), at(499)).is_ok());
    let (job, error) = offered().claim(claim(1), at(500)).unwrap_err();
    let end = NoVerdict::unasked(Failure::NoAgent);
    assert_eq!((error, job.unclaimed(Failure::NoAgent)), (NotClaimed::TooLate, end));
}

#[test]
fn answer_for_another_job_leaves_the_job_as_it_is() {
    let (job, message) = sealed(offered(), 1, 0);
    let other = Answer::Unopened { v: V1, job: JobId::new([9; 16]) };
    let (job, error) = job.answer(agent(1), &other, at(1)).unwrap_err();
    assert_eq!(error, NotAnswered::OtherJob);
    assert!(matches!(job.answer(agent(1), &say(&message, 1, &ticket()), at(2)), Ok(Outcome::Ticket(_))));
}

#[test]
fn no_answer_is_accepted_and_no_attempt_is_made_after_ten_seconds() {
    let failure = |outcome| match outcome {
        Outcome::Failed(end) => end,
        other => panic!("{other:?}"),
    };
    assert_eq!(failure(said(&ticket(), 10_000)), NoVerdict::unanswered(Failure::Late));
    assert_eq!(failure(sealed(offered(), 1, 0).0.lost(at(10_000))), NoVerdict::unanswered(Failure::TimedOut));
    assert!(matches!(said(&ticket(), 9_999), Outcome::Ticket(_)));
}

#[test]
fn job_with_a_password_that_cannot_be_sealed_fails() {
    let claimed = offered().claim(claim(1), NOW).unwrap();
    let failed = claimed.seal(b"", Zeroizing::new([1; 32]), NOW).unwrap_err();
    assert_eq!(failed, NoVerdict::unasked(Failure::CannotSeal));
}

/// The test runs all sequences of events of two attempts. Each sequence ends, and none has a third attempt.
#[test]
fn every_sequence_of_events_ends_after_at_most_two_attempts() {
    fn explore(job: Offered, attempts: u8, now: u64, ends: &mut Vec<(u8, bool)>) {
        assert!(attempts < 2);
        let number = attempts.saturating_add(1);
        let soon = now.saturating_add(10);
        let claimed = job.clone().claim(claim(number), at(now)).unwrap();
        let (attempt, message) = sealed(job, number, now);
        let answer = |word| attempt.clone().answer(agent(number), &say(&message, number, &word), at(soon)).unwrap();
        let outcomes = [
            claimed.lost(at(soon)),
            attempt.clone().lost(at(now.saturating_add(4_500))),
            answer(failed(Fault::Unreachable)),
            answer(ticket()),
        ];
        for outcome in outcomes {
            match outcome {
                Outcome::Again(again) => {
                    let later = again.since.millis().saturating_sub(NOW.millis());
                    explore(again, number, later, ends);
                }
                Outcome::Ticket(_) => ends.push((number, true)),
                Outcome::Refused { .. } | Outcome::Failed(_) => ends.push((number, false)),
            }
        }
    }
    let mut ends = Vec::new();
    explore(offered(), 0, 0, &mut ends);
    let tickets = ends.iter().filter(|(_, is_ticket)| *is_ticket).count();
    assert_eq!((ends.len(), tickets), (13, 4));
}
