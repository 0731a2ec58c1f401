//! The limits on the data that a peer can make this crate read or keep, and the reason for each limit.

/// The largest token that is read, in octets after base64 decoding. Windows' MaxTokenSize is 48,000 by default, and at
/// most 64 KiB. [`Policy::max_token_size`](crate::Policy::max_token_size) can be lower.
pub const MAX_TOKEN_SIZE: usize = 65_536;

/// The greatest number of mechanisms in one NegTokenInit. Windows sends four or five mechanisms, and no client offers many
/// more.
pub const MAX_MECHANISMS: usize = 64;

/// The largest MechTypeList that is kept between two tokens of a negotiation, in octets. An object identifier has about
/// ten octets. Without this limit, a client could make the server keep a whole token.
pub const MAX_KEPT_MECH_TYPES: usize = 1024;

/// The longest sealed state of a negotiation, in characters. The state must fit into a cookie with its name and its
/// attributes, and browsers accept cookies of 4,096 octets (RFC 6265 section 6.1).
pub const MAX_SEALED_LENGTH: usize = 3840;

/// The greatest age of a sealed state, in seconds. Clients answer immediately, so the usual clock skew is long enough.
pub const MAX_SEALED_SECONDS: u64 = 300;

/// The greatest number of components in one principal name. Service names have two or three components. RFC 4120 sets no
/// limit.
pub const MAX_NAME_COMPONENTS: usize = 16;

/// The longest realm, in octets. In practice a realm is a domain name, which has at most 255 octets (RFC 1035 section
/// 2.3.4).
pub const MAX_REALM_LENGTH: usize = 255;

/// The longest list of the realms on an authentication path, in octets. The list is read only if the KDC did not check
/// the realms. Real lists have a few dozen octets.
pub const MAX_TRANSITED_SIZE: usize = 4096;

/// The greatest number of realms that the list of an authentication path may name. An authentication path through two
/// forests crosses a few realms.
pub const MAX_TRANSITED_REALMS: usize = 32;

/// The greatest number of addresses in one ticket. A host has a few addresses, and no client asks for a ticket with more
/// addresses.
pub const MAX_ADDRESSES: usize = 64;

/// The greatest number of encryption types that a client may list for the server's subkey. About nine types exist.
pub const MAX_NEGOTIATED_ETYPES: usize = 64;

/// The greatest number of elements in one AuthorizationData. Windows sends at most four elements in one container.
pub const MAX_AUTH_DATA_ELEMENTS: usize = 32;

/// The deepest nesting of AuthorizationData. The PAC is at depth two.
pub const MAX_AUTH_DATA_DEPTH: usize = 4;

/// The greatest number of different keys that are tried on one ticket, and on one signature of a PAC. Each key costs one
/// decryption of the ticket, so this number limits the work that a forged ticket causes. Eight keys are two key versions of
/// four accounts, which is more than a rollover needs.
pub const MAX_CANDIDATE_KEYS: usize = 8;

/// The greatest number of accounts of a realm that are considered for a ticket although they do not name its service.
/// If a realm has more accounts, the accounts must name their services
/// ([`Account::with_service`](crate::Account::with_service)).
pub const MAX_UNNAMED_ACCOUNTS: usize = 64;

/// The greatest number of tickets in one KRB-CRED. Clients delegate one ticket-granting ticket.
pub const MAX_DELEGATED_TICKETS: usize = 16;

/// The largest PAC, in octets. The limit of a token also limits the PAC in the token. This limit is for a program that
/// reads a PAC without a token.
pub const MAX_PAC_SIZE: usize = MAX_TOKEN_SIZE;

/// The largest claims of a PAC after decompression, in octets. The crate decompresses claims only for a caller that asks
/// for them. Windows compresses claims of more than 384 octets. The claims in a real PAC decompress to less than this
/// limit.
pub const MAX_CLAIMS_SIZE: usize = 262_144;

/// The greatest number of buffers in one PAC. Windows writes at most fourteen buffers.
pub const MAX_PAC_BUFFERS: usize = 64;

/// The largest per-message token, in octets. A SASL security layer announces the size of a token in three octets (RFC
/// 4752 section 3.1).
pub const MAX_MESSAGE_TOKEN: usize = 0x00FF_FFFF;

/// The longest SASL authorization identity, in octets. A user's name has at most 104 characters in Active Directory,
/// and a distinguished name in LDAP's `dn:` form has a few hundred.
pub const MAX_AUTHORIZATION_IDENTITY: usize = 1024;

/// The greatest number of groups that are read from a stored [`SessionIdentity`](crate::SessionIdentity). A PAC has at
/// least eight octets for each group, so no identity has more groups.
pub const MAX_SESSION_GROUPS: usize = MAX_PAC_SIZE / 8;

/// The longest text that is read from a stored [`SessionIdentity`](crate::SessionIdentity), in octets. Quoting at most
/// doubles the length of a name. A text of a PAC grows by at most half when it becomes UTF-8.
pub const MAX_SESSION_TEXT: usize = 2 * MAX_TOKEN_SIZE;
