//! Third stage: the ticket and the authenticator.

mod authorization_data;
mod bindings;
mod client_target;
mod negotiation;
mod principals;
mod time;
mod tls_bindings;
mod transited;
