//! The seeds of `pass_through` and `password_hashes`: one message of each kind, after the octet of its kind.

use super::Seeds;
use seamless_pta::message::{
    self, Answer, Bootstrap, Enrol, Health, Job, Kdc, Message, NodeUrl, Renew, Take, V1, Word,
};
use seamless_pta::terms::Terms;
use seamless_pta::verdict::{Fault, Refusal, Told};
use seamless_pta::{AgentId, Fixed, SealingKey, Text, Time, User};
use zeroize::Zeroizing;

const TOKEN: &str = "ka1.contoso.test.BgYGBgYGBgYGBgYGBgYGBg.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc.\
                     CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg";

const HASHES: [&str; 4] = [
    r#"{"v":1,"source":"09090909-0909-0909-0909-090909090909","cursor":"7","records":[],"left":0}"#,
    "v1;PPH1_MD4,00010203040506070809,1000,0000000000000000000000000000000000000000000000000000000000000000;",
    "dn: CN=alice,DC=contoso,DC=test\nobjectGUID: 01010101-0101-0101-0101-010101010101\nuSNChanged: 7\nisDeleted: TRUE\n",
    "CONTOSO.TEST\\alice:1105:aad3b435b51404eeaad3b435b51404ee:92937945b518814341de3f726500d4ff::: (status=Enabled)",
];

pub(crate) fn write(seeds: &Seeds) {
    for (kind, text) in (0_u8..).zip(HASHES) {
        seeds.add("password_hashes", &format!("kind-{kind}"), &[&[kind], text.as_bytes()].concat());
    }
    let add = |kind: u8, name: &str, body: &[u8]| seeds.add("pass_through", name, &[&[kind], body].concat());
    let (v, key) = (V1, SealingKey::from_random(&[1; 32]).public());
    let octets = || seamless_pta::Octets::new(vec![0x30, 0x82]).unwrap();
    let token = seamless_pta::enrolment::Token::parse(TOKEN).unwrap();
    let (host, version) = (Text::new("gw1").unwrap(), Text::new("0.1.0").unwrap());
    add(0, "enrol", &written(&Enrol { v, token, csr: octets(), seal_key: key, host, version }));
    let nodes = vec![NodeUrl::parse("https://n1:8443").unwrap()];
    let bootstrap = Bootstrap {
        v,
        nodes,
        concurrency: 8,
        wait_ms: 25_000,
        renew: false,
        clock: Time::from_seconds(1_795_000_000),
        min_version: Text::new("0.1.0").unwrap(),
        realm: Text::new("CONTOSO.TEST").unwrap(),
    };
    add(2, "bootstrap", &written(&bootstrap));
    add(3, "renew", &written(&Renew { v, csr: octets(), seal_key: key, generation: 7 }));
    let health = Health { kdc: Kdc::Ok, ms: 12 };
    add(4, "take", &written(&Take { v, key: key.id(), proof: Some(Fixed::new([3; 32])), free: 3, health }));
    let terms = Terms {
        tenant: Text::new("contoso.test").unwrap(),
        agent: AgentId::from_random([1; 16]),
        key: key.id(),
        job: Fixed::new([3; 16]),
        user: User::parse("alice@contoso.test").unwrap(),
        issued: Time::from_seconds(1_795_000_000),
        expires: Time::from_seconds(1_795_000_004),
        nonce: Fixed::new([4; 32]),
    };
    let (sealed, answer) = key.seal_password(&terms, b"secret", Zeroizing::new([4; 32])).unwrap();
    add(5, "job", &written(&Job::new(&terms, sealed)));
    let words = [
        Word::Ticket { token: octets_of_ticket(), ms: 41 },
        Word::Refused { code: Refusal::Locked, status: Some(0xC000_0234), told: Told::BeforePassword },
        Word::Failed { code: Fault::Unreachable, detail: Text::new("no route to host") },
    ];
    for (number, word) in words.iter().enumerate() {
        add(7, &format!("word-{number}"), &serde_json::to_vec(word).unwrap());
    }
    add(6, "answer", &written(&answer.answer(&terms, &words[1], [9; 12]).unwrap()));
    add(6, "unopened", &written(&Answer::Unopened { v, job: terms.job }));
    add(8, "token", TOKEN.as_bytes());
    add(9, "user", b"CONTOSO\\alice");
}

fn octets_of_ticket() -> message::Ticket {
    message::Ticket::new(vec![0x60, 1]).unwrap()
}

fn written<T: Message>(message: &T) -> Vec<u8> {
    message::write(message).unwrap()
}
