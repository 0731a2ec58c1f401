//! Every bound on what a stranger can make this crate read, in one place, each with its reason.

/// Largest token taken, in bytes after base64: Windows' default MaxTokenSize is 48,000, and 64 KiB is its maximum.
/// [`Policy::max_token_size`](crate::Policy::max_token_size) can lower it.
pub const MAX_TOKEN_SIZE: usize = 65_536;

/// Mechanisms in one NegTokenInit. Windows sends four or five; nobody negotiates among more than a handful.
pub const MAX_MECHANISMS: usize = 64;

/// Octets of a MechTypeList that is kept between two tokens of a conversation. Object identifiers have ten or so; without
/// this bound a stranger who offers mechanisms would make a server keep a whole token.
pub const MAX_KEPT_MECH_TYPES: usize = 1024;

/// Characters of a sealed conversation: with its name and attributes it must be a cookie, of which browsers take 4,096 bytes
/// (RFC 6265 section 6.1).
pub const MAX_SEALED_LENGTH: usize = 3840;

/// How long ago a sealed conversation may have been sealed, in seconds. Clients answer at once; this is the usual clock skew.
pub const MAX_SEALED_SECONDS: u64 = 300;

/// Components of one principal name. Service names have two or three; RFC 4120 sets no bound.
pub const MAX_NAME_COMPONENTS: usize = 16;

/// Bytes of a realm's name: realms are domain names in practice, and those end at 255 (RFC 1035 section 2.3.4).
pub const MAX_REALM_LENGTH: usize = 255;

/// Addresses in one ticket. A host has a few; nobody asks for a ticket with more.
pub const MAX_ADDRESSES: usize = 64;

/// Encryption types a client may list for the server's subkey. There are nine or so.
pub const MAX_NEGOTIATED_ETYPES: usize = 64;

/// Elements of one AuthorizationData. Windows sends at most four in one place.
pub const MAX_AUTH_DATA_ELEMENTS: usize = 32;

/// How deep AuthorizationData may lie in AuthorizationData. The PAC lies at depth two.
pub const MAX_AUTH_DATA_DEPTH: usize = 4;

/// Different keys tried on one ticket. Each costs one decryption of the ticket, so this bounds the work a made-up ticket
/// causes: two key versions of a handful of accounts, more than a rollover needs. As many are tried on a signature of a PAC.
pub const MAX_CANDIDATE_KEYS: usize = 8;

/// Accounts of a realm whose keys are considered for a ticket whose service none of them names. Where a realm has more, the
/// accounts must name their services ([`Account::with_service`](crate::Account::with_service)).
pub const MAX_UNNAMED_ACCOUNTS: usize = 64;

/// Tickets in one KRB-CRED. Clients delegate one ticket-granting ticket.
pub const MAX_DELEGATED_TICKETS: usize = 16;

/// Largest PAC, in bytes. It comes in a token, so that limit is its own; a program that reads PACs alone has this one.
pub const MAX_PAC_SIZE: usize = MAX_TOKEN_SIZE;

/// Largest claims of a PAC after decompression, in bytes; decompressing is left to whoever asks for them. Windows
/// compresses what has more than 384 bytes; a PAC's worth of claims decompresses to less than this.
pub const MAX_CLAIMS_SIZE: usize = 262_144;

/// Buffers in one PAC. Windows writes at most fourteen.
pub const MAX_PAC_BUFFERS: usize = 64;

/// Largest per-message token, in bytes: what a SASL security layer can announce in its three octets (RFC 4752 section 3.1).
pub const MAX_MESSAGE_TOKEN: usize = 0x00FF_FFFF;

/// Bytes of a SASL authorization identity. A user's name has at most 104 characters in Active Directory, a
/// distinguished name in LDAP's `dn:` form a few hundred.
pub const MAX_AUTHORIZATION_IDENTITY: usize = 1024;
