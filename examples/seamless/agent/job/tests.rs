//! Tests of one job, with a directory whose answers the test chooses.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::folder::{Identity, Keys};
use seamless_pta::certificate::{Authority, Request, Role, make_request};
use seamless_pta::message::Chain;
use seamless_pta::user::Tenant;
use seamless_pta::verdict::{Refusal, Told};
use seamless_pta::{AgentId, SealingPublicKey};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory that counts how often it is asked.
struct Says {
    word: Result<Vec<u8>, KdcError>,
    asked: AtomicUsize,
}

impl Directory for Says {
    fn token<'a>(
        &'a self,
        user: &'a User,
        password: Zeroizing<String>,
        _: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, KdcError>> + Send + 'a>> {
        assert_eq!((user.name.as_str(), password.as_str()), ("alice", "secret"));
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { self.word.clone() })
    }
}

fn directory(word: Result<Vec<u8>, KdcError>) -> Arc<Says> {
    Arc::new(Says { word, asked: AtomicUsize::new(0) })
}

/// Returns the session of an agent that has just enrolled.
fn session() -> Session {
    let (now, tenant, agent) = (clock::now(), Tenant::new("contoso.test").unwrap(), AgentId::from_random([1; 16]));
    let (authority, keys) = (Authority::make(Fixed::new([0x40; 16]), now).unwrap(), Keys::make().unwrap());
    let public = keys.sealing().unwrap().public();
    let request = Request::read(&make_request(&keys.tls().unwrap(), &public).unwrap(), public).unwrap();
    let certificate = authority.issue(&request, (&tenant, Role::Pta, agent), Fixed::new([0x41; 16]), now).unwrap();
    let identity = Identity {
        agent,
        tenant,
        certificate,
        chain: Chain::new(vec![authority.certificate().clone()]).unwrap(),
        generation: 1,
        not_after: now,
        renew_at: now,
        nodes: Vec::new(),
        proof: Fixed::new([3; 32]),
        keys,
    };
    Session::new(identity, None).unwrap()
}

/// Seals a job, as its owner does.
fn job(session: &Session, key: &SealingPublicKey, expires: Time) -> (Terms, Job, AnswerKey) {
    let terms = Terms {
        tenant: session.identity.tenant.clone(),
        agent: session.identity.agent,
        key: key.id(),
        job: Fixed::new([5; 16]),
        user: User::parse("alice").unwrap(),
        issued: clock::now(),
        expires,
        nonce: Fixed::new(*clock::random()),
    };
    let (sealed, answer) = key.seal_password(&terms, b"secret", clock::random()).unwrap();
    let job = Job::new(&terms, sealed);
    (terms, job, answer)
}

fn later() -> Time {
    clock::now().after(Duration::from_hours(1))
}

fn opened(terms: &Terms, key: &AnswerKey, answer: &Answer) -> Word {
    let Answer::Sealed { nonce, word, .. } = answer else { panic!("{answer:?}") };
    key.open(terms, nonce, word).unwrap()
}

#[tokio::test]
async fn owner_of_a_job_opens_the_answer_with_the_result_of_the_directory() {
    let session = session();
    let key = session.sealing.public();
    let status = Some(0xC000_006A);
    let refused = KdcError::Refused { refusal: Refusal::WrongPassword, status, told: Told::AfterPassword };
    let wrong = Word::Refused { code: Refusal::WrongPassword, status, told: Told::AfterPassword };
    for (said, expected) in [
        (Ok(vec![0x60]), "ticket"),
        (Err(refused), "refused"),
        (Err(KdcError::Unreachable("no route".into())), "failed"),
        (Ok(vec![0; 65 * 1024]), "failed"),
    ] {
        let (terms, job, owner) = job(&session, &key, later());
        let answer = Validator::new(directory(said), None).answer(&session, &job).await;
        let word = opened(&terms, &owner, &answer);
        assert_eq!(serde_json::to_value(&word).unwrap().get("verdict").unwrap(), expected);
        assert!(expected != "refused" || word == wrong);
    }
}

/// A broker can send a job twice, and deliver only the second answer. With such an answer, the owner still counts the
/// attempt, because the directory may have checked the password ([`Fault::may_be_checked`]).
#[tokio::test]
async fn directory_is_not_asked_about_a_job_that_comes_twice_or_has_expired() {
    let (session, says) = (session(), directory(Ok(vec![0x60])));
    let (key, validator) = (session.sealing.public(), Validator::new(says.clone(), None));
    let (terms, twice, owner) = job(&session, &key, later());
    validator.answer(&session, &twice).await;
    let second = opened(&terms, &owner, &validator.answer(&session, &twice).await);
    let (terms, late, owner) = job(&session, &key, clock::now());
    let late = opened(&terms, &owner, &validator.answer(&session, &late).await);
    for word in [second, late] {
        assert!(matches!(word, Word::Failed { code: Fault::ExpiredJob, .. }), "{word:?}");
    }
    assert_eq!(says.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn directory_is_not_asked_about_a_job_that_does_not_open_and_its_nonce_is_not_remembered() {
    let (session, says) = (session(), directory(Ok(vec![0x60])));
    let (own, validator) = (session.sealing.public(), Validator::new(says.clone(), None));
    let (_, other, _) = job(&session, &seamless_pta::SealingKey::from_random(&[9; 32]).public(), later());
    let (terms, good, owner) = job(&session, &own, later());
    let copied = Job { nonce: good.nonce, ..other };
    assert!(matches!(validator.answer(&session, &copied).await, Answer::Unopened { .. }));
    assert!(matches!(opened(&terms, &owner, &validator.answer(&session, &good).await), Word::Ticket { .. }));
    assert_eq!(says.asked.load(Ordering::Relaxed), 1);
}
