//! A sample application: a web application whose users the sign-in server signs in, and an API that accepts the
//! server's access tokens.
//!
//! The web application is a relying party of OpenID Connect. It uses the authorization code flow with PKCE. The API
//! accepts only access tokens that the issuer made for this API (RFC 9068). `start.rs` is the program.

mod access_token;
mod all_groups;
mod api;
#[cfg(test)]
mod api_tests;
mod callback;
mod config;
mod cookies;
mod failure;
#[cfg(test)]
mod fake_issuer;
mod groups;
mod home;
mod http_client;
mod id_token;
mod issuer;
mod kept;
mod key_set;
mod limits;
#[cfg(test)]
mod logout_tests;
mod logout_token;
mod pages;
mod random;
mod relying_party;
mod serve;
mod shared;
mod sign_in;
#[cfg(test)]
mod sign_in_tests;
mod sign_out;

pub use config::{Config, ConfigError};
pub use http_client::TrustError;
pub use serve::serve;
pub use shared::StartError;
