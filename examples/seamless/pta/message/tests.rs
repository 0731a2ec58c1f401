#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

use super::*;
use crate::encoding::{Fixed, Octets, Text};
use crate::enrolment::Token;
use crate::seal::SealingKey;
use crate::terms::Terms;
use crate::terms::tests::terms;
use crate::user::Tenant;
use crate::verdict::{Fault, Refusal, Told};
use crate::{AgentId, Time};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const TOKEN: &str = "ka1.contoso.test.BgYGBgYGBgYGBgYGBgYGBg.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc.\
                     CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg";

fn enrol() -> Enrol {
    Enrol {
        v: V1,
        token: Token::parse(TOKEN).unwrap(),
        csr: Octets::new(vec![0x30, 0x82]).unwrap(),
        seal_key: SealingKey::from_random(&[1; 32]).public(),
        host: Text::new("gw1").unwrap(),
        version: Text::new("0.1.0").unwrap(),
    }
}

fn enrolled() -> Enrolled {
    let key = SealingKey::from_random(&[1; 32]).public();
    let certificate = Octets::new(vec![0x30, 0x82]).unwrap();
    Enrolled {
        v: V1,
        agent: AgentId::from_random([5; 16]),
        tenant: Tenant::new("contoso.test").unwrap(),
        certificate: certificate.clone(),
        chain: Chain::new(vec![certificate]).unwrap(),
        not_after: Time::from_seconds(1_795_600_000),
        renew_at: Time::from_seconds(1_795_300_000),
        generation: 1,
        nodes: vec![NodeUrl::parse("https://n1:8443").unwrap(), NodeUrl::parse("https://[::1]:8443").unwrap()],
        challenge: key.seal_challenge(&Fixed::new([3; 32]), Zeroizing::new([4; 32])).unwrap(),
    }
}

fn bootstrap() -> Bootstrap {
    Bootstrap {
        v: V1,
        nodes: enrolled().nodes,
        concurrency: 8,
        wait_ms: 25_000,
        renew: false,
        clock: Time::from_seconds(1_795_000_000),
        min_version: Text::new("0.1.0").unwrap(),
        realm: Text::new("CONTOSO.TEST").unwrap(),
    }
}

fn renew() -> Renew {
    Renew { v: V1, csr: enrol().csr, seal_key: enrol().seal_key, generation: 7 }
}

fn take() -> Take {
    let health = Health { kdc: Kdc::Ok, ms: 12 };
    Take { v: V1, key: enrol().seal_key.id(), proof: Some(Fixed::new([3; 32])), free: 3, health }
}

fn job() -> Job {
    let sealed = enrol().seal_key.seal_password(&terms(), b"secret", Zeroizing::new([4; 32])).unwrap().0;
    Job::new(&terms(), sealed)
}

fn answers() -> [Answer; 2] {
    let (v, job) = (V1, job().job);
    let (nonce, word) = (Fixed::new([9; 12]), Octets::new(vec![1; 100]).unwrap());
    [Answer::Sealed { v, job, nonce, word }, Answer::Unopened { v, job }]
}

fn words() -> Vec<Word> {
    let mut all = vec![Word::Ticket { token: Octets::new(vec![0x60, 1]).unwrap(), ms: 41 }];
    for code in Refusal::ALL {
        for told in [Told::AfterPassword, Told::BeforePassword] {
            all.push(Word::Refused { code, status: code.status(), told });
        }
    }
    for code in Fault::ALL {
        all.push(Word::Failed { code, detail: Text::new("no route to host") });
    }
    all
}

/// Calls `check` with each message as JSON, and with the function that reads its type.
fn for_each(mut check: impl FnMut(&str, Value, &dyn Fn(&[u8]) -> Result<Value, Malformed>)) {
    fn reads<T: Message>(body: &[u8]) -> Result<Value, Malformed> {
        read::<T>(body).map(|message| serde_json::to_value(&message).unwrap())
    }
    check("enrol", serde_json::to_value(enrol()).unwrap(), &reads::<Enrol>);
    check("enrolled", serde_json::to_value(enrolled()).unwrap(), &reads::<Enrolled>);
    check("bootstrap", serde_json::to_value(bootstrap()).unwrap(), &reads::<Bootstrap>);
    check("renew", serde_json::to_value(renew()).unwrap(), &reads::<Renew>);
    check("take", serde_json::to_value(take()).unwrap(), &reads::<Take>);
    check("job", serde_json::to_value(job()).unwrap(), &reads::<Job>);
    for answer in answers() {
        check("answer", serde_json::to_value(answer).unwrap(), &reads::<Answer>);
    }
}

#[test]
fn written_message_is_read_back() {
    for_each(|name, message, reads| assert_eq!(reads(message.to_string().as_bytes()), Ok(message), "{name}"));
}

/// The test fixes the JSON forms, so that an agent in another language can rely on them.
#[test]
fn messages_have_their_fixed_json_forms() {
    let refused =
        json!({"verdict": "refused", "code": "locked", "status": 3_221_226_036_u32, "told": "before-password"});
    let read: Word = serde_json::from_value(refused).unwrap();
    let Word::Refused { code, status, told } = read else { panic!("{read:?}") };
    assert_eq!((code, status, told), (Refusal::Locked, Some(0xC000_0234), Told::BeforePassword));
    let unopened = serde_json::to_value(&answers()[1]).unwrap();
    assert_eq!(unopened, json!({"answer": "unopened", "v": 1, "job": Fixed::new([3; 16])}));
    let message = serde_json::to_value(job()).unwrap();
    assert_eq!((&message["v"], &message["kem"], &message["kind"]), (&json!(1), &json!(32), &json!("principal")));
    assert_eq!(message["issued"], json!(1_795_000_000_123_u64));
}

#[test]
fn written_word_is_read_back_and_a_word_with_an_unknown_field_or_a_too_long_token_is_refused() {
    for word in words() {
        let mut json = serde_json::to_value(&word).unwrap();
        assert_eq!(serde_json::from_value::<Word>(json.clone()).unwrap(), word);
        json["also"] = json!(1);
        assert!(serde_json::from_value::<Word>(json).is_err(), "{word:?}");
    }
    let token = "A".repeat((64 * 1024 + 1) * 4 / 3 + 1);
    assert!(serde_json::from_value::<Word>(json!({"verdict": "ticket", "token": token, "ms": 1})).is_err());
}

#[test]
fn unknown_missing_and_repeated_fields_are_refused() {
    let optional = ["proof"];
    for_each(|name, message, reads| {
        let fields = message.as_object().unwrap();
        let mut more = fields.clone();
        more.insert("also".into(), json!(1));
        assert!(reads(Value::from(more).to_string().as_bytes()).is_err(), "{name}: unknown");
        for (field, value) in fields {
            let mut fewer = fields.clone();
            fewer.remove(field);
            let is_read = reads(Value::from(fewer).to_string().as_bytes()).is_ok();
            assert_eq!(is_read, optional.contains(&field.as_str()), "{name}: without {field}");
            let twice = message.to_string().replacen('{', &format!("{{{field:?}:{value},"), 1);
            assert!(reads(twice.as_bytes()).is_err(), "{name}: {field} twice");
        }
    });
}

#[test]
fn field_of_another_type_or_size_is_refused() {
    let others = [json!(null), json!(-1), json!(1.5), json!([]), json!({}), json!(""), json!("é\n"), json!(u64::MAX)];
    for_each(|name, message, reads| {
        for (field, value) in message.as_object().unwrap() {
            for other in others.iter().chain([&json!("A".repeat(124_000))]) {
                let is_time = *other == json!(u64::MAX) && value.is_u64();
                let is_none = other.is_null() && field == "proof";
                let mut changed = message.clone();
                changed[field] = other.clone();
                let is_read = reads(changed.to_string().as_bytes()).is_ok();
                assert!(!is_read || is_time || is_none, "{name}: {field} = {:.50}", other.to_string());
            }
        }
    });
}

#[test]
fn error_names_another_version_even_if_the_body_has_other_fields() {
    for_each(|name, mut message, reads| {
        message["v"] = json!(2);
        message["new"] = json!(true);
        assert_eq!(reads(message.to_string().as_bytes()), Err(Malformed::Version(2)), "{name}");
    });
}

#[test]
fn body_of_128_kib_is_read_and_a_body_with_one_octet_more_is_refused() {
    for_each(|name, message, reads| {
        let mut body = message.to_string().into_bytes();
        body.resize(MAX_BODY, b' ');
        assert_eq!(reads(&body), Ok(message), "{name}");
        body.push(b' ');
        assert_eq!(reads(&body), Err(Malformed::TooLong(MAX_BODY + 1)), "{name}");
    });
}

/// The test changes, removes and doubles each octet of each body. If a changed body is still read, its message must be
/// the same after it is written and read again.
#[test]
fn mutated_body_is_refused_or_gives_a_message_that_is_the_same_after_writing_and_reading() {
    for_each(|name, message, reads| {
        let body = message.to_string().into_bytes();
        for at in 0..body.len() {
            let changed = [0x01, 0x20, 0x80].map(|bits| {
                let mut body = body.clone();
                body[at] ^= bits;
                body
            });
            let removed = [&body[..at], &body[at + 1..]].concat();
            let doubled = [&body[..=at], &body[at..]].concat();
            let cut = body[..at].to_vec();
            for mutated in changed.into_iter().chain([removed, doubled, cut]) {
                if let Ok(value) = reads(&mutated) {
                    assert_eq!(reads(value.to_string().as_bytes()), Ok(value), "{name} {at}");
                }
            }
        }
    });
}

#[test]
fn error_repeats_nothing_of_the_body() {
    let body = serde_json::to_value(enrol()).unwrap().to_string().replace(".BwcH", ".secret.BwcH");
    let error = read::<Enrol>(body.as_bytes()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[test]
fn job_for_another_kem_or_with_a_name_of_another_form_is_refused() {
    let of = |job: Job| job.terms(&terms().tenant, terms().agent);
    let (read, sealed) = of(job()).unwrap();
    assert_eq!(read, Terms { key: job().key, ..terms() });
    assert_eq!(sealed.ct, job().sealed);
    assert_eq!(of(Job { kem: 0x647A, ..job() }), Err(NotOurs::Kem(0x647A)));
    assert_eq!(of(Job { kind: crate::Kind::Account, ..job() }), Err(NotOurs::Name));
}

#[test]
fn list_of_64_nodes_is_read_and_an_empty_list_and_a_list_of_65_are_refused() {
    for (count, is_read) in [(0, false), (1, true), (64, true), (65, false)] {
        let nodes: Vec<_> = (0..count).map(|number| format!("https://n{number}:8443")).collect();
        let mut told = serde_json::to_value(bootstrap()).unwrap();
        told["nodes"] = json!(nodes);
        assert_eq!(read::<Bootstrap>(told.to_string().as_bytes()).is_ok(), is_read, "{count}");
        let mut given = serde_json::to_value(enrolled()).unwrap();
        given["nodes"] = json!(nodes);
        assert_eq!(read::<Enrolled>(given.to_string().as_bytes()).is_ok(), is_read, "{count}");
    }
}

#[test]
fn address_of_a_node_needs_https_and_a_host_and_may_not_have_a_path() {
    for (text, authority) in [("https://n1:8443", "n1:8443"), ("https://n1", "n1"), ("https://[::1]:1", "[::1]:1")] {
        assert_eq!(NodeUrl::parse(text).unwrap().authority(), authority);
    }
    for text in ["http://n1", "https://", "https://n1/", "https://a@n1", "https://n1?x", "n1:8443", "https://n 1"] {
        assert_eq!(NodeUrl::parse(text), None, "{text}");
    }
}
