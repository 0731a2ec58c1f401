//! What comes over the wire, parsed and not yet believed: DER, the framing of GSS-API and SPNEGO, the messages of RFC
//! 4120, and certificates.
//!
//! Octets go in, and structures that borrow from them come out. Nothing here decrypts, compares with a clock, or
//! decides.
//!
//! # What is read beyond the letter
//! Real clients write all of this, or the definition leaves room for it. No two readers of it come to other values.
//!
//! - An INTEGER has more octets than DER allows: `cusec` of sspi-rs. MIT krb5 and Heimdal read it.
//! - A kvno, nonce or sequence number is negative: it has the same 32 bits.
//! - Flags have fewer than 32 bits, or more. The missing ones are zero, and the others are ignored.
//! - The flag of delegation is set, and nothing is delegated: Kerberos.NET and gokrb5.
//! - Fields follow a NegTokenInit or NegTokenResp, with numbers that are not defined yet.
//! - A NegTokenInit has hints, or its Kerberos token is not of the first mechanism, or has no framing: Windows and others.
//! - A NegTokenResp is framed as a first token: old clients of Sun.
//! - The context flags of a NegTokenInit, and the state and mechanism of a NegTokenResp, are not looked at.
//!
//! # What is refused, though others read it
//! - Lengths with padding, which MIT krb5 and Heimdal read. Names are compared by their encodings, so each has only one.
//! - Octets after a message, and unknown fields in the messages of Kerberos, whose definitions leave no room for them. MIT
//!   krb5 reads both.
//! - Names and realms that are not UTF-8, which MIT krb5 compares as octets. An identity is a text here.
//! - A NUL in a name: a reader in C would see another name.
//! - Microseconds beyond 999,999, which no client writes.
//! - Base64 without padding, or with bits that no octet needs: a token has one header.

pub(crate) mod certificate;
pub(crate) mod der;
pub(crate) mod gss;
pub(crate) mod header;
pub(crate) mod krb5;
pub(crate) mod mechanism;
pub(crate) mod ntlm;
pub(crate) mod oid;
pub(crate) mod spnego;
