//! Fuzzes the messages between agents and nodes, an agent's result of a job ([`Word`]), enrolment tokens, user names
//! and certificates. The target checks that a message is the same after it is written and read again.
//!
//! The first octet of an input chooses the kind of the message. The rest is the message.
#![no_main]

use kerberos_sso_fuzz::{allocated, printed};
use libfuzzer_sys::fuzz_target;
use seamless_pta::certificate::AgentCertificate;
use seamless_pta::enrolment::Token;
use seamless_pta::message::{
    Answer, Bootstrap, Enrol, Enrolled, Job, MAX_BODY, Message, Renew, Take, Word, read, write,
};
use seamless_pta::{AgentId, SealingKey, User};
use std::sync::LazyLock;

static KEY: LazyLock<SealingKey> = LazyLock::new(|| SealingKey::from_random(&[1; 32]));

fuzz_target!(|input: &[u8]| {
    let Some((kind, body)) = input.split_first() else { return };
    match kind % 11 {
        0 => drop(same::<Enrol>(body)),
        1 => drop(same::<Enrolled>(body)),
        2 => drop(same::<Bootstrap>(body)),
        3 => drop(same::<Renew>(body)),
        4 => drop(same::<Take>(body)),
        5 => check_job(body),
        6 => drop(same::<Answer>(body)),
        7 => check_word(body),
        8 => check_token(body),
        9 => check_user(body),
        _ => drop(AgentCertificate::read(body)),
    }
});

/// Reads a body. Checks that the reading allocates bounded memory, that the text of an error is bounded, and that the
/// message is the same after it is written and read again.
fn same<T: Message>(body: &[u8]) -> Option<T> {
    match allocated::at_most(limit(body), || read::<T>(body)) {
        Ok(message) => {
            assert!(body.len() <= MAX_BODY);
            let written = write(&message).unwrap();
            assert_eq!(*write(&read::<T>(&written).unwrap()).unwrap(), *written);
            Some(message)
        }
        Err(error) => {
            printed::harmless(&error);
            printed::bounded_text(&error.to_string());
            None
        }
    }
}

/// Checks that an agent cannot open a job that somebody made without the agent's key.
fn check_job(body: &[u8]) {
    let Some(job) = same::<Job>(body) else { return };
    let tenant = seamless_pta::Text::new("contoso.test").unwrap();
    let Ok((terms, sealed)) = job.terms(&tenant, AgentId::from_random([1; 16])) else { return };
    assert!(terms.user.is_consistent());
    assert!(KEY.open_password(&terms, &sealed).is_err());
}

fn check_word(body: &[u8]) {
    if let Ok(word) = serde_json::from_slice::<Word>(body) {
        let written = serde_json::to_vec(&word).unwrap();
        assert_eq!(serde_json::from_slice::<Word>(&written).unwrap(), word);
    }
}

fn check_token(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    if let Some(token) = Token::parse(text) {
        assert_eq!(*token.secret_text(), text.trim());
        assert!(!format!("{token:?}").contains(text.trim()));
    }
}

fn check_user(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else { return };
    if let Some(user) = User::parse(text) {
        assert!(user.is_consistent() && !user.account().is_empty());
        printed::harmless_debug(&user);
    }
}

/// Returns how many octets the reading of a body may allocate. Each element of a chain or of a list of nodes has its
/// own vector, which takes more memory than the element has octets in the body.
const fn limit(body: &[u8]) -> usize {
    16 * body.len() + 64 * 1024
}
