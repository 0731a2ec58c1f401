//! Fuzzes Authenticators, encrypted under the session key. The target checks that only the ticket's client signs in,
//! and that both sides then have the same keys.
#![no_main]

use kerberos_sso::context::Protection;
use kerberos_sso::testing::{TestClient, TimeText};
use kerberos_sso::ticket::BindingState;
use kerberos_sso::{Accepted, SecurityContext};
use kerberos_sso_fuzz::server::{CHANNEL, Server};
use kerberos_sso_fuzz::stated::Authenticator;
use kerberos_sso_fuzz::{printed, verdict};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

fuzz_target!(|plaintext: &[u8]| {
    let mut token = SERVER.token.clone();
    token.authenticator.raw = Some(plaintext.to_vec());
    let Ok(accepted) = SERVER.judge(&token.mint()) else { return };
    verdict::assert_is_the_user(&accepted);
    let stated = Authenticator::read(plaintext).expect("it is whole");
    let time = accepted.authenticator().time();
    assert_eq!((TimeText::from(time), i64::from(time.micros())), (stated.ctime.clone(), stated.cusec));
    if accepted.channel_bindings() == BindingState::Matched {
        let bindings = kerberos_sso::testing::channel_bindings_md5(CHANNEL);
        assert!(plaintext.windows(bindings.len()).any(|window| window == bindings));
    }
    check_answer(&accepted, &TestClient::of(&token), stated);
});

/// Checks that the client can read the answer, and that each side can open the other side's messages.
fn check_answer(accepted: &Accepted, client: &TestClient, stated: Authenticator) {
    // Old clients send the sequence number as a signed number.
    let number = stated.sequence_number.and_then(|number| u32::try_from(number & 0xFFFF_FFFF).ok());
    let client = TestClient {
        subkey: stated.subkey,
        flags: accepted.authenticator().gss_flags().unwrap_or_default(),
        ctime: stated.ctime,
        cusec: stated.cusec,
        seq_number: number.unwrap_or_default(),
        ..client.clone()
    };
    let answer = accepted.answer(&verdict::RANDOMNESS);
    printed::harmless_debug(&answer);
    let Ok(mut client) = client.complete(answer.token()) else { panic!("the client cannot read the answer") };
    let mut server = answer.into_context();
    check_message(&mut client, &mut server);
    check_message(&mut server, &mut client);
}

fn check_message(sender: &mut SecurityContext, receiver: &mut SecurityContext) {
    let (mut token, mut message) = (Vec::new(), Vec::new());
    sender.wrap(b"message", Protection::Confidentiality, &[0xC0; 16], &mut token);
    assert_eq!(receiver.unwrap(&token, Protection::Confidentiality, &mut message), Ok(()));
    assert_eq!(message, b"message");
}
