//! Both sides of a security context, made without the exchange of tokens that usually establishes a context.

use crate::context::{Established, MessageKey, Role, SecurityContext};
use crate::crypto::Key;
use crate::wire::gss::GssFlags;

/// Returns a client's side and a server's side of one context under `key`, which acts as the acceptor's subkey. Both sides
/// number their messages from zero. `flags` says whether both sides check these numbers. With [`GssFlags::default`],
/// neither side checks the numbers.
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
