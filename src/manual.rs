//! The manual: one complete page for each topic.
//!
//! The first pages, in the order for a new reader:
//!
//! | page | what you learn |
//! |---|---|
//! | [`keytab`] | get the keys of your service's account: Active Directory, MIT krb5, FreeIPA |
//! | [`browsers`] | let browsers send tickets to your host |
//! | [`first_server`] | write a first server with axum, actix-web, hyper or tonic |
//! | [`codes`] | find out why a request was refused, and who can remove the cause |
//! | [`groups`] | let in the members of a group, and know which groups a ticket names |
//! | [`sessions`] | sign in once, and keep a session |
//! | [`testing`] | test your own server, without a KDC |
//!
//! The pages to read before many users sign in:
//!
//! | page | what you learn |
//! |---|---|
//! | [`rollover`] | change the key while the server runs |
//! | [`proxy`] | run behind a proxy: header sizes, TLS, names |
//! | [`several_nodes`] | run several nodes with one replay cache in Valkey or Redis |
//! | [`rc4_to_aes`] | move from RC4 to AES, and count the sign-ins that still use RC4 |
//! | [`protocols`] | sign users in to mail, LDAP and database servers |
//! | [`speed`] | what a decision costs, and what several nodes share |
//!
//! The pages for a review:
//!
//! | page | what you learn |
//! |---|---|
//! | [`defaults`] | which settings apply if you set nothing, and how to change them |
//! | [`checks`] | what the library checks, in which order, and where each check has its tests |
//! | [`threats`] | what each party can write, and what the library cannot prevent |
//! | [`architecture`] | how the library is built |
#![cfg_attr(
    not(all(feature = "axum", feature = "rc4", feature = "testing", feature = "tower")),
    allow(rustdoc::broken_intra_doc_links, reason = "the pages link to items of these features")
)]

#[doc = include_str!("manual/architecture.md")]
pub mod architecture {}

#[doc = include_str!("manual/browsers.md")]
pub mod browsers {}

#[doc = include_str!("manual/checks.md")]
pub mod checks {}

#[doc = include_str!("manual/codes.md")]
pub mod codes {}

#[doc = include_str!("manual/defaults.md")]
pub mod defaults {}

#[doc = include_str!("manual/first_server.md")]
pub mod first_server {}

#[doc = include_str!("manual/groups.md")]
pub mod groups {}

#[doc = include_str!("manual/keytab.md")]
pub mod keytab {}

#[doc = include_str!("manual/protocols.md")]
pub mod protocols {}

#[doc = include_str!("manual/proxy.md")]
pub mod proxy {}

#[doc = include_str!("manual/rc4_to_aes.md")]
pub mod rc4_to_aes {}

#[doc = include_str!("manual/rollover.md")]
pub mod rollover {}

#[doc = include_str!("manual/sessions.md")]
pub mod sessions {}

#[doc = include_str!("manual/several_nodes.md")]
pub mod several_nodes {}

#[doc = include_str!("manual/speed.md")]
pub mod speed {}

#[doc = include_str!("manual/testing.md")]
pub mod testing {}

#[doc = include_str!("manual/threats.md")]
pub mod threats {}
