//! The kept state of a negotiation is a secret. If the vector grew while the state was written, a part of the state
//! would stay in freed memory.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common;

use common::dialogue::{Host, dce_style, prefers_ntlm};
use kerberos_sso::negotiate::{Negotiation, Step};
use kerberos_sso::testing::{TestToken, TokenFraming};

fn begun(token: impl FnOnce(&Host) -> TestToken) -> Negotiation {
    let host = Host::new();
    match host.step(&token(&host).mint(), None) {
        Ok(Step::Continue(next)) => next.into_negotiation(),
        other => panic!("the negotiation does not continue: {other:?}"),
    }
}

#[test]
fn writing_a_state_needs_one_allocation_that_is_as_long_as_the_state() {
    let with_list = begun(|host| prefers_ntlm(host.good()));
    let without_list = begun(|host| dce_style(host.good().framed(TokenFraming::ApReq)));
    for (state, spare) in [(with_list, 1), (without_list, 0)] {
        let mut octets = Vec::new();
        let taken = allocation_counter::measure(|| octets = state.to_bytes());
        assert_eq!((taken.count_total, taken.bytes_total), (1, u64::try_from(octets.len()).unwrap() + spare));
    }
}
