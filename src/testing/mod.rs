//! A test realm within the test process, for tests and benchmarks without a KDC. Enable this module with the feature
//! `testing`.
//!
//! The realm mints the tokens that clients of a real realm would send.
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
//! A [`TestToken`] is plain data and is valid by default. To test how a server refuses a token, change one field:
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
//! [`TestClient`] reads the server's answer as a real client does:
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
//! A realm [of Active Directory](TestRealm::of_active_directory) puts a PAC into every ticket. [`TestToken::pac`] changes the
//! PAC. The realm signs the changed PAC when the token is minted.
//!
//! A test can replace octets if the fields cannot express a message. [`TicketParts::raw`] and [`AuthenticatorParts::raw`]
//! replace a plaintext, and [`TicketParts::raw_cipher`] and [`AuthenticatorParts::raw_cipher`] replace a ciphertext.
//! [`PacParts::raw`] replaces a PAC, [`MechToken::Raw`] replaces the token in SPNEGO, and [`TestToken::mint_around`] replaces
//! the AP-REQ.
//!
//! For two reasons, the test realm is a feature of this crate and not a separate crate. First, the realm makes both
//! sides of a [`SecurityContext`](crate::SecurityContext), but the public API makes a `SecurityContext` only for an
//! accepted request. Second, the library's unit tests use the tokens of the realm.
//!
//! No value in this module is random or secret. Keys are derived from names. All other values are derived from the number of
//! tokens that the realm has issued. So a test that fails once fails every time.

#[expect(
    clippy::no_effect_underscore_binding,
    clippy::struct_field_names,
    reason = "the derive of rasn makes such bindings, and RFC 2743 has such field names"
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
