//! Tests of password hashes from end to end: a source sends a verifier to the listener, and a user signs in by it.

use super::*;
use seamless_phs::batch::Progress;
use seamless_phs::verifier::Parameters;
use seamless_phs::{Account, Answer as Taken, Batch, Lock, NtHash, ObjectId, Record, Refusal};

fn account(server: &Server, password: &str) -> Account {
    let domain = server.realm.domain_sid();
    Account {
        sid: domain.join(1105).unwrap(),
        name: "alice".into(),
        upn: Some("alice@contoso.test".into()),
        alternate: None,
        full_name: Some("Alice Anderson".into()),
        groups: vec![domain.join(513).unwrap()],
        verifier: Parameters::new([7; 10], 1000).unwrap().derive(&NtHash::of_password(password)),
        disabled: false,
        lock: Lock::Open,
        account_expires: None,
        password_expires: None,
        must_change: false,
    }
}

fn batch(usn: u64, account: Account) -> Vec<u8> {
    let record = Record { object: ObjectId([1; 16]), usn, account: Some(account) };
    let batch = Batch {
        v: 1,
        source: ObjectId([9; 16]),
        cursor: Some(usn.to_string()),
        records: vec![record],
        left: 0,
        complete: None,
    };
    serde_json::to_vec(&batch).unwrap()
}

/// Sends a batch as a source, and returns the server's answer.
async fn send(source: &TestAgent, server: &Server, body: &[u8]) -> (u16, Vec<u8>) {
    source.connect(server).await.send("POST", "hashes", body).await.unwrap()
}

fn by_hash() -> serde_json::Value {
    json!({ "method": "hash", "key": "hash.key" })
}

/// Returns a server to which a source has sent alice's password `right`.
async fn of_alice(password: serde_json::Value) -> (Arc<Server>, TestAgent) {
    let server = server_with(password).await;
    let source = TestAgent::enrol_as(&server, Role::Phs).await;
    let (status, body) = send(&source, &server, &batch(1, account(&server, "right"))).await;
    let taken: Taken = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, taken.taken, taken.cursor.as_deref()), (200, 1, Some("1")));
    (Arc::new(server), source)
}

async fn code(server: &Server, name: &str, password: &str) -> &'static str {
    server.sign_in(name, password).await.map_or_else(|refusal| refusal.code(), |_| "accepted")
}

#[tokio::test]
async fn user_signs_in_by_the_hash_that_a_source_sent() {
    let (server, _) = of_alice(by_hash()).await;
    for name in ["alice", "alice@contoso.test", r"CONTOSO\alice"] {
        let user = server.sign_in(name, "right").await.unwrap();
        assert_eq!((user.method, user.identity.sid), (Method::PasswordHash, server.realm.domain_sid().join(1105)));
        assert_eq!(user.identity.full_name.as_deref(), Some("Alice Anderson"));
        assert!(user.identity.is_member_of(server.realm.domain_sid().join(513).unwrap()));
    }
    assert_eq!(code(&server, "alice", "wrong").await, "wrong-password");
    assert_eq!(code(&server, "nobody", "right").await, "unknown-user");
}

#[tokio::test]
async fn state_of_an_account_is_told_after_the_right_password_only() {
    let (server, source) = of_alice(by_hash()).await;
    let open = || account(&server, "right");
    let changes: [(Account, &str); 5] = [
        (Account { disabled: true, ..open() }, "disabled"),
        (Account { lock: Lock::UntilUnlocked, ..open() }, "locked"),
        (Account { account_expires: Some(1), ..open() }, "account-expired"),
        (Account { password_expires: Some(1), ..open() }, "password-expired"),
        (Account { must_change: true, ..open() }, "must-change"),
    ];
    for (usn, (account, expected)) in (2..).zip(changes) {
        assert_eq!(send(&source, &server, &batch(usn, account)).await.0, 200);
        assert_eq!(code(&server, "alice", "right").await, expected);
        assert_eq!(code(&server, "alice", "wrong").await, "wrong-password", "{expected}");
    }
}

/// A telephone may send an old password all day.
#[tokio::test(start_paused = true)]
async fn old_password_that_is_tried_again_and_again_does_not_lock_its_user_out() {
    let (server, _) = of_alice(by_hash()).await;
    for _ in 0..30 {
        assert_eq!(code(&server, "alice", "old").await, "wrong-password");
    }
    assert_eq!(code(&server, "alice", "right").await, "accepted");
    for number in 0..10 {
        code(&server, "alice", &format!("guess {number}")).await;
    }
    assert_eq!(code(&server, "alice", "right").await, "too-many-wrong");
}

#[tokio::test]
async fn agent_that_validates_passwords_cannot_send_hashes_and_a_source_gets_no_jobs() {
    let (server, source) = of_alice(json!({ "method": "pass-through", "fallback": { "key": "hash.key" } })).await;
    let agent = TestAgent::enrol(&server).await;
    assert_eq!(send(&agent, &server, &batch(2, account(&server, "mine"))).await.0, 403);
    assert_eq!(agent.connect(&server).await.send("GET", "hashes", b"").await.unwrap().0, 403);
    assert_eq!(server.connect(None).await.unwrap().send("POST", "hashes", b"").await.unwrap().0, 401);
    let mut connection = source.connect(&server).await;
    assert_eq!(connection.post("take", &source.take()).await.0, 403);
    assert_eq!(code(&server, "alice", "mine").await, "wrong-password");
}

#[tokio::test]
async fn source_learns_its_last_position_and_a_malformed_or_repeated_batch_changes_nothing() {
    let server = server_with(by_hash()).await;
    let source = TestAgent::enrol_as(&server, Role::Phs).await;
    let progress = async || {
        let (status, body) = source.connect(&server).await.send("GET", "hashes", b"").await.unwrap();
        assert_eq!(status, 200);
        serde_json::from_slice::<Progress>(&body).unwrap().at
    };
    assert_eq!(progress().await, None);
    send(&source, &server, &batch(7, account(&server, "right"))).await;
    assert_eq!(progress().await, Some((ObjectId([9; 16]), Some("7".into()))));
    let (status, body) = send(&source, &server, &batch(7, account(&server, "other"))).await;
    let taken: Taken = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, taken.taken, taken.refused.len()), (200, 0, 1));
    for bad in [&b"{}"[..], b"", br#"{"v":1,"nt_hash":"x"}"#] {
        assert_eq!(send(&source, &server, bad).await.0, 400);
    }
    assert_eq!(code(&server, "alice", "right").await, "accepted");
}

#[tokio::test]
async fn hashes_decide_if_no_agent_answers_and_never_after_a_refusal() {
    let (server, source) = of_alice(json!({ "method": "pass-through", "fallback": { "key": "hash.key" } })).await;
    let user = server.sign_in("alice", "right").await.unwrap();
    assert_eq!(user.method, Method::PasswordHash);
    let agent = Arc::new(TestAgent::enrol(&server).await);
    // The directory now has another password for the account.
    send(&source, &server, &batch(2, account(&server, "old"))).await;
    let working = agent.work(&server, honest);
    until_waiting(&server).await;
    assert_eq!(code(&server, "alice", "old").await, "wrong-password");
    working.await.unwrap();
    let working = agent.work(&server, honest);
    until_waiting(&server).await;
    let user = server.sign_in("alice", "right").await.unwrap();
    assert_eq!(user.method, Method::PassThrough(agent.enrolled.agent));
    working.await.unwrap();
}

#[tokio::test]
async fn tenant_without_hashes_gets_no_token_for_a_source_and_no_verifier_decides_before_the_first_batch() {
    let server = server().await;
    let made = server.agents().make_token("contoso.test", Role::Phs, None, "root".into()).await;
    assert_eq!(made.unwrap_err(), "this tenant takes no password hashes: its `password` does not name hashes");
    let server = server_with(by_hash()).await;
    assert_eq!(code(&server, "alice", "right").await, "no-verifiers");
}

/// Mallory has the alternate name `bob@mail.example`. Mallory signs in under this name, and tries to reset the count of
/// wrong passwords of the account `bob`.
#[tokio::test(start_paused = true)]
async fn right_password_under_an_alternate_name_does_not_reset_the_count_of_an_account_with_a_similar_name() {
    let server = server_with(by_hash()).await;
    let source = TestAgent::enrol_as(&server, Role::Phs).await;
    let mallory = Account { alternate: Some("bob@mail.example".into()), ..account(&server, "right") };
    assert_eq!(send(&source, &server, &batch(1, mallory)).await.0, 200);
    for number in 0..9 {
        assert_eq!(code(&server, "bob", &format!("guess {number}")).await, "unknown-user");
    }
    assert_eq!(code(&server, "bob@mail.example", "right").await, "accepted");
    assert_eq!(code(&server, "bob", "guess 9").await, "unknown-user");
    assert_eq!(code(&server, "bob", "guess 10").await, "too-many-wrong");
    assert_eq!(code(&server, "bob@mail.example", "right").await, "accepted", "the count of bob does not apply");
}

#[tokio::test]
async fn batch_without_a_certificate_is_refused_before_its_body_comes() {
    let server = server_with(by_hash()).await;
    let Connection(mut stranger) = server.connect(None).await.unwrap();
    let head = b"POST /agents/v1/hashes HTTP/1.1\r\nHost: n1\r\nContent-Length: 4000000\r\n\r\n{";
    stranger.write_all(head).await.unwrap();
    let mut status = [0; 12];
    stranger.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 401");
}

/// Only the operator can give a domain to another source, by revoking the source that sends its accounts.
#[tokio::test]
async fn second_source_of_a_domain_is_refused_until_the_first_source_is_revoked() {
    let (server, first) = of_alice(by_hash()).await;
    let second = TestAgent::enrol_as(&server, Role::Phs).await;
    let (status, body) = send(&second, &server, &batch(9, account(&server, "mine"))).await;
    let answer: Taken = serde_json::from_slice(&body).unwrap();
    let codes: Vec<_> = answer.refused.iter().map(|refused| refused.code).collect();
    assert_eq!((status, answer.taken, codes), (200, 0, vec![Refusal::OtherSource]));
    assert_eq!(
        (code(&server, "alice", "right").await, code(&server, "alice", "mine").await),
        ("accepted", "wrong-password")
    );
    server.agents().revoke(first.enrolled.agent).await.unwrap();
    let (_, body) = send(&second, &server, &batch(1, account(&server, "new"))).await;
    assert_eq!(serde_json::from_slice::<Taken>(&body).unwrap().taken, 1);
    assert_eq!(code(&server, "alice", "new").await, "accepted");
    assert_eq!(send(&first, &server, &batch(99, account(&server, "right"))).await.0, 403);
}

#[tokio::test]
async fn record_that_cannot_be_read_is_refused_and_the_cursor_moves_on() {
    let (server, source) = of_alice(by_hash()).await;
    let text = String::from_utf8(batch(2, account(&server, "new"))).unwrap();
    let (status, body) = send(&source, &server, text.replace("PPH1_MD4", "PPH2").as_bytes()).await;
    let answer: Taken = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, answer.taken, answer.cursor.as_deref()), (200, 0, Some("2")));
    assert_eq!(answer.refused.first().map(|refused| refused.code), Some(Refusal::Format));
}
