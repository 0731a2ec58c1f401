//! A test realm in the process, for tests and benchmarks without a KDC. Feature `testing`.
//!
//! It mints the tokens that clients of a real realm would send.
//!
//! ```
//! use kerberos_sso::testing::TestRealm;
//! use kerberos_sso::{Policy, UnixTime, Validator};
//! use kerberos_sso::replay::MemoryReplayCache;
//!
//! let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
//! let now = UnixTime::from_seconds(1_795_248_000);
//! let (policy, started) = (Policy::default(), now.saturating_add_seconds(-60));
//! let cache = MemoryReplayCache::new(100, policy.clock_skew(), started);
//! let validator = Validator::new(realm.key_set(), policy, cache);
//!
//! let header = realm.ticket_for("alice").service("HTTP/www.contoso.test").at(now).header();
//! let accepted = validator.validate_header(header.as_bytes(), now)?;
//! assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
//! # Ok::<(), kerberos_sso::Error>(())
//! ```
//!
//! A [`TestToken`] is plain data and is valid at first. To see how a server refuses, change one thing in it:
//!
//! ```
//! # use kerberos_sso::testing::TestRealm;
//! # use kerberos_sso::{Policy, UnixTime, Validator, replay::NoReplayCache};
//! # let realm = TestRealm::new("CONTOSO.TEST");
//! # let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
//! # let now = UnixTime::from_seconds(1_795_248_000);
//! let mut token = realm.ticket_for("alice").at(now);
//! token.authenticator.cname = "administrator".into();
//! let error = validator.validate_ticket(&token.mint(), now).unwrap_err();
//! assert_eq!(error.code(), "client-mismatch");
//! ```
//!
//! [`TestClient`] reads the server's answer as the client would:
//!
//! ```
//! # use kerberos_sso::testing::{TestClient, TestRealm};
//! # use kerberos_sso::{Policy, Randomness, UnixTime, Validator, replay::NoReplayCache};
//! # let realm = TestRealm::new("CONTOSO.TEST");
//! # let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
//! # let now = UnixTime::from_seconds(1_795_248_000);
//! let token = realm.ticket_for("alice").at(now).mutual();
//! let accepted = validator.validate_ticket(&token.mint(), now)?;
//! let answer = accepted.answer(&Randomness::new([0x5A; 64])); // outside a test: from the operating system
//!
//! let mut client = TestClient::of(&token).complete(answer.token())?; // the server has proved itself
//! let mut server = answer.into_context();
//! let mic = client.get_mic(b"hello");
//! server.verify_mic(b"hello", &mic)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A realm [of Active Directory](TestRealm::of_active_directory) puts a PAC into every ticket. [`TestToken::pac`]
//! changes it, and the realm signs it again when the token is minted.
//!
//! Octets replace what the fields cannot express: [`TicketParts::raw`] and [`AuthenticatorParts::raw`] replace a
//! plaintext, [`TicketParts::raw_cipher`] and [`AuthenticatorParts::raw_cipher`] a ciphertext, [`PacParts::raw`] a PAC,
//! [`MechToken::Raw`] the token in SPNEGO, and [`TestToken::mint_around`] the AP-REQ.
//!
//! The realm is a feature, and no crate of its own. It makes both sides of a [`SecurityContext`](crate::SecurityContext),
//! which the public API makes from a decision only, and the library's unit tests use its tokens.
//!
//! Nothing here is random, and nothing is secret. Keys follow from names, and all else follows from a realm's count of
//! its tokens. A test that fails once fails every time.

#[expect(
    clippy::no_effect_underscore_binding,
    clippy::struct_field_names,
    reason = "rasn's derive writes the former, RFC 2743 the latter"
)]
mod asn1;
mod authenticator;
mod client;
mod context;
mod framing;
mod name;
mod pac;
mod realm;
mod reply;
mod seed;
mod ticket;
mod time;
mod token;

pub use authenticator::{AuthenticatorParts, ChecksumParts, GssChecksumParts, channel_bindings_md5};
pub use client::{TestClient, Unproven};
pub use context::security_contexts;
pub use framing::{MechToken, NegHints, SpnegoParts, TokenFraming, mech};
pub use name::NameParts;
pub use pac::{
    BufferEdit, ClientInfoParts, DelegationInfoParts, LogonInfoParts, NdrBytes, NdrWriter, PacBuffers, PacParts,
    SignatureParts, UpnDnsInfoParts,
};
pub use realm::TestRealm;
pub use reply::{ApRepParts, Krb5Message, KrbErrorParts, NegTokenRespParts};
pub use ticket::{KeyParts, TicketParts, if_relevant};
pub use time::TimeText;
pub use token::TestToken;
