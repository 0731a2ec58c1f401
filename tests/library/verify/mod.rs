//! Third stage: the checks of the ticket and of the authenticator.

mod authorization_data;
mod bindings;
mod client_target;
mod negotiation;
mod principals;
mod time;
mod tls_bindings;
mod transited;
