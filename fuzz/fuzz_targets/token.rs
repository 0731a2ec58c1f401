//! Fuzzes whole tokens. The target checks that only the user of a minted token signs in, and that the library reads
//! back the state that a server keeps between two tokens.
#![no_main]

use kerberos_sso::negotiate::{Negotiation, ReadStep, Step, TokenInfo};
use kerberos_sso_fuzz::server::{NOW, Server};
use kerberos_sso_fuzz::{allocated, printed, verdict};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

fuzz_target!(|token: &[u8]| {
    check_info(token);
    if let Ok(accepted) = SERVER.judge(token) {
        verdict::assert_is_the_user(&accepted);
        let answer = accepted.answer(&verdict::RANDOMNESS);
        printed::harmless_debug(&answer);
    }
    match SERVER.validator.read_step(token, None) {
        Ok(ReadStep::Request(request)) => {
            printed::harmless(&request.service());
            printed::harmless_debug(&request);
        }
        Ok(ReadStep::Offer(offer)) => verdict::check_refused(&offer.refuse()),
        Err(refused) => verdict::check_refused(&refused),
    }
    let limit = allocated::for_token(token.len());
    let converse = || SERVER.validator.converse(token, None, &verdict::RANDOMNESS, SERVER.arrival());
    match allocated::at_most(limit, converse) {
        Ok(Step::Accepted(accepted, answer)) => {
            verdict::assert_is_the_user(&accepted);
            printed::harmless_debug(&answer.into_context());
        }
        Ok(Step::Continue(next)) => {
            printed::harmless_text(&next.www_authenticate());
            let kept = next.negotiation().to_bytes();
            assert_eq!(Negotiation::from_bytes(&kept).unwrap().to_bytes(), kept);
            // The client's first token is not accepted as its second token.
            let again = SERVER.validator.converse(token, Some(next.negotiation()), &verdict::RANDOMNESS, NOW);
            assert!(!matches!(again, Ok(Step::Accepted(..))));
        }
        Err(refused) => verdict::check_refused(&refused),
    }
});

fn check_info(token: &[u8]) {
    let info = TokenInfo::of(token);
    printed::harmless_debug(&info);
    printed::harmless(&info.shape());
    info.inner().iter().for_each(printed::harmless);
    info.mechanisms().for_each(|mechanism| printed::harmless(&mechanism));
    if let Some(query) = info.key_query() {
        printed::harmless(&query.service);
        printed::harmless_debug(&query);
    }
}
