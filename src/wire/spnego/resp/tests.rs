//! Unit tests of the module.

use super::*;

#[test]
fn negotiation_reply_with_state_reject_equals_the_constant() {
    let reply =
        NegotiationReply { state: NegState::Reject, supported_mech: None, response_token: None, mech_list_mic: None };
    assert_eq!(reply.to_bytes(), [0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2]);
    assert_eq!(REJECT, [0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2]);
}
