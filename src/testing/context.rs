//! Both sides of a security context, without the exchange that establishes it.

use crate::context::{Established, MessageKey, Role, SecurityContext};
use crate::crypto::Key;
use crate::wire::gss::GssFlags;

/// Returns a client's and a server's side of one context under `key`, which is used as the acceptor's subkey. Both
/// number their messages from zero. `flags` says whether the numbers matter; with [`GssFlags::default`] they do not.
#[must_use]
pub fn security_contexts(key: &Key, flags: GssFlags) -> (SecurityContext, SecurityContext) {
    let side = |role| {
        SecurityContext::new(Established {
            role,
            key: key.clone(),
            message_key: MessageKey::AcceptorSubkey,
            flags,
            send_sequence: 0,
            receive_sequence: 0,
        })
    };
    (side(Role::Initiator), side(Role::Acceptor))
}
