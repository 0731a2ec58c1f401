//! Tests of what an attacker at the broker, or a malicious node, can do.

use super::hub::{Hub, Wire};
use super::made_up::{Act, Desk, RIGHT, agent, ask_about, sealing_key, sign_in, tenant, work};
use super::{is_ticket_of, node};
use crate::broker::{Broker as _, Request};
use crate::message::{Delivered, Offer, Reply, read, write};
use crate::{NodeName, subject};
use futures_util::StreamExt as _;
use seamless_pta::Fixed;
use seamless_pta::job::NoVerdict;
use seamless_pta::message::{Answer, Job, V1, Word};
use seamless_pta::terms::Terms;
use seamless_pta::verdict::{Failure, Fault, Refusal, Told};
use seamless_pta::{Octets, Time, User};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Replies to all requests on a subject, in place of an honest node.
async fn impersonate(
    wire: &Wire,
    subject: String,
    group: Option<&'static str>,
    mut reply: impl FnMut(Request) -> Vec<u8>,
) {
    let mut requests = wire.subscribe(subject, group).await;
    while let Some(request) = requests.next().await {
        let to = request.reply.clone();
        wire.reply(to, reply(request)).await;
    }
}

/// Returns the first job among the messages.
fn job(hub: &Hub) -> Option<(String, Vec<u8>)> {
    hub.frames().into_iter().find(|(_, body)| seamless_pta::message::read::<Job>(body).is_ok())
}

fn stranger() -> NodeName {
    NodeName::parse("n9").unwrap()
}

fn claim(job: seamless_pta::terms::JobId, number: u8) -> Vec<u8> {
    let key = sealing_key(number).public().id();
    write(&Reply::Claim { v: V1, job, node: stranger(), agent: agent(number), key }).unwrap()
}

fn offered(request: &Request) -> Offer {
    read(&request.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn claim_for_an_agent_that_the_registry_does_not_know_gets_no_password() {
    let hub = Arc::<Hub>::default();
    let (a, wire) = (node(&hub, "n1", &[]).await, hub.connect());
    let claims = impersonate(&wire, subject::offers(&tenant()), Some(subject::GROUP), |request| {
        claim(offered(&request).job, 77)
    });
    let desk = Desk::new();
    tokio::select! {
        (verdict, _) = sign_in(a.queue(), &desk, RIGHT) => assert_eq!(verdict.unwrap_err(), Failure::NoAgent),
        () = claims => panic!("the subscription ended"),
    }
    assert!(job(&hub).is_none());
}

/// An agent of another node claims the job, but the registry refuses that agent. Meanwhile an agent connects to this
/// node, and gets the second attempt.
#[tokio::test(start_paused = true)]
async fn second_attempt_goes_to_an_own_agent_if_the_registry_refuses_the_agent_of_another_node() {
    let hub = Arc::<Hub>::default();
    let (a, wire) = (node(&hub, "n1", &[]).await, hub.connect());
    let claims =
        impersonate(&wire, subject::offers(&tenant()), Some(subject::GROUP), |request| claim(offered(&request).job, 5));
    let gateway = Arc::clone(&a.gateway);
    let desk = Desk::with(move |id| {
        if id == agent(5) {
            tokio::spawn(work(Arc::clone(&gateway), 1, 1, Act::Ask(40)));
        }
        id == agent(1)
    });
    tokio::select! {
        (verdict, _) = sign_in(a.queue(), &desk, RIGHT) => assert!(is_ticket_of(&verdict, 1), "{verdict:?}"),
        () = claims => panic!("the subscription ended"),
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_replies_and_claims_of_another_job_are_ignored() {
    let forged: [fn(Offer) -> Vec<u8>; 4] = [
        |_| claim(Fixed::new([9; 16]), 1),
        |_| b"{}".to_vec(),
        |_| Vec::new(),
        |offer| {
            let text = String::from_utf8(claim(offer.job, 1)).unwrap();
            text.replace("\"n9\"", "\">\"").into_bytes()
        },
    ];
    for forge in forged {
        let hub = Arc::<Hub>::default();
        let (a, wire) = (node(&hub, "n1", &[]).await, hub.connect());
        let claims =
            impersonate(&wire, subject::offers(&tenant()), Some(subject::GROUP), |request| forge(offered(&request)));
        let desk = Desk::new();
        tokio::select! {
            (verdict, millis) = sign_in(a.queue(), &desk, RIGHT) => {
                assert_eq!((verdict.unwrap_err(), millis), (Failure::NoAgent, 500));
            }
            () = claims => panic!("the subscription ended"),
        }
    }
}

/// Returns an answer that an attacker forged. The attacker does not have the key of the job, so the answer is sealed
/// with another key.
fn forged(word: &Word) -> Answer {
    let key = sealing_key(1).public();
    let (name, job) = (User::parse("alice").unwrap(), Fixed::new([9; 16]));
    let (issued, expires) = (Time::from_seconds(1), Time::from_seconds(2));
    let (nonce, key_id) = (Fixed::new([1; 32]), key.id());
    let terms = Terms { tenant: tenant(), agent: agent(1), key: key_id, job, user: name, issued, expires, nonce };
    let (_, own) = key.seal_password(&terms, b"x", zeroize::Zeroizing::new([1; 32])).unwrap();
    own.answer(&terms, word, [1; 12]).unwrap()
}

/// Forges the answer to a job.
type Forge = Box<dyn Fn(&Job) -> Delivered>;

/// The attacker claims jobs in the name of a known agent, and drops the answers or replaces them. The sign-in then ends
/// without a verdict, and counts as a wrong password. So the attacker cannot guess passwords without a lockout.
#[tokio::test(start_paused = true)]
async fn dropped_and_forged_answers_count_as_wrong_passwords_whatever_they_say() {
    let refused = Word::Refused { code: Refusal::Locked, status: None, told: Told::AfterPassword };
    let failed = Word::Failed { code: Fault::Unreachable, detail: None };
    let with_job = |word: &Word, id| match forged(word) {
        Answer::Sealed { v, nonce, word, .. } => Answer::Sealed { v, job: id, nonce, word },
        other @ Answer::Unopened { .. } => other,
    };
    let rubbish = Octets::new(vec![0; 100]).unwrap();
    let answers: [Forge; 6] = [
        Box::new(|job| Delivered::Lost { v: V1, job: job.job }),
        Box::new(|_| Delivered::Answered { v: V1, answer: forged(&Word::Failed { code: Fault::Busy, detail: None }) }),
        Box::new(move |job| Delivered::Answered { v: V1, answer: with_job(&refused, job.job) }),
        Box::new(move |job| Delivered::Answered { v: V1, answer: with_job(&failed, job.job) }),
        Box::new(|job| Delivered::Answered { v: V1, answer: Answer::Unopened { v: V1, job: job.job } }),
        Box::new(move |job| {
            let (nonce, word) = (Fixed::new([0; 12]), rubbish.clone());
            Delivered::Answered { v: V1, answer: Answer::Sealed { v: V1, job: job.job, nonce, word } }
        }),
    ];
    for (number, forge) in answers.iter().enumerate() {
        let hub = Arc::<Hub>::default();
        let (a, wire) = (node(&hub, "n1", &[]).await, hub.connect());
        let claims = impersonate(&wire, subject::offers(&tenant()), Some(subject::GROUP), |request| {
            claim(offered(&request).job, 1)
        });
        let answers = impersonate(&wire, subject::jobs(&stranger()), None, |request| {
            let job: Job = seamless_pta::message::read(&request.body).unwrap();
            write(&forge(&job)).unwrap()
        });
        let desk = Desk::new();
        let verdict = tokio::select! {
            (verdict, _) = ask_about(a.queue(), &desk, RIGHT) => verdict,
            () = async { tokio::join!(claims, answers); } => panic!("the subscriptions ended"),
        };
        let NoVerdict { failure, may_be_checked } = verdict.unwrap_err();
        assert!(may_be_checked && matches!(failure, Failure::TimedOut | Failure::Agent(Fault::CannotOpen)), "{number}");
    }
}

/// An attacker who knew the public key could seal a guessed password to the agent, and could then open the answer.
#[tokio::test(start_paused = true)]
async fn no_message_has_the_public_key_of_an_agent_or_a_readable_verdict() {
    let hub = Arc::<Hub>::default();
    let (a, _b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Ask(40))]).await);
    assert!(sign_in(a.queue(), &Desk::new(), "wrong").await.0.is_ok());
    let all: Vec<u8> = hub.frames().into_iter().flat_map(|(_, body)| body).collect();
    let all = String::from_utf8(all).unwrap();
    let public = Fixed::new(*sealing_key(1).public().as_bytes()).to_string();
    assert!(all.contains("\"answer\":\"sealed\"") && all.contains(&sealing_key(1).public().id().to_string()));
    assert!(!all.contains(&public) && !all.contains("wrong") && !all.contains("refused"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn malformed_request_gets_no_reply_and_the_node_still_serves_jobs() {
    let hub = Arc::<Hub>::default();
    let (a, _b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Ask(40))]).await);
    let wire = hub.connect();
    let b = NodeName::parse("n2").unwrap();
    for body in [b"".as_slice(), b"{}", b"{\"v\":2}", &vec![0xFF; 200_000]] {
        for subject in [subject::offers(&tenant()), subject::jobs(&b)] {
            let reply = timeout(Duration::from_secs(1), wire.request(subject, body.to_vec())).await;
            assert!(reply.is_err(), "{} octets", body.len());
        }
    }
    assert!(is_ticket_of(&sign_in(a.queue(), &Desk::new(), RIGHT).await.0, 1));
}

/// If no agent has claimed a job, the node reports the job as lost. So an attacker cannot fill the node with jobs.
#[tokio::test(start_paused = true)]
async fn job_without_a_claim_is_lost_at_once() {
    let hub = Arc::<Hub>::default();
    let (a, b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Ask(40))]).await);
    sign_in(a.queue(), &Desk::new(), RIGHT).await.0.unwrap();
    let (subject, body) = job(&hub).unwrap();
    let reply = hub.connect().request(subject, body.clone()).await.unwrap();
    let job: Job = seamless_pta::message::read(&body).unwrap();
    assert_eq!(read::<Delivered>(&reply), Some(Delivered::Lost { v: V1, job: job.job }));
    assert_eq!(b.gateway.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_message_has_the_password() {
    let hub = Arc::<Hub>::default();
    let (a, _b) = (node(&hub, "n1", &[]).await, node(&hub, "n2", &[(1, Act::Ask(40))]).await);
    let (verdict, _) = sign_in(a.queue(), &Desk::new(), RIGHT).await;
    assert!(is_ticket_of(&verdict, 1));
    let all: Vec<u8> = hub.frames().into_iter().flat_map(|(_, body)| body).collect();
    assert!(all.windows(8).any(|part| part == b"\"sealed\""), "the job was among the messages");
    let wide: Vec<u8> = RIGHT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for secret in [RIGHT.as_bytes(), &wide] {
        assert!(!all.windows(12).any(|part| part == secret.get(..12).unwrap()));
    }
}
