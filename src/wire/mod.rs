//! Parsers and writers of the wire formats: DER, the framing of GSS-API and SPNEGO, the messages of RFC 4120, and
//! certificates.
//!
//! The parsers return structures that borrow from the octets they read. The values are unverified: this module decrypts
//! nothing, compares no time with a clock, and does not decide whether a request is accepted.
//!
//! # Deviations that are accepted
//! Real clients send these deviations, or the definition of the message allows them. Every reader gets the same value
//! from such a message.
//!
//! - An INTEGER may have more octets than DER allows. sspi-rs sends such a `cusec`, and MIT krb5 and Heimdal accept it.
//! - A kvno, nonce or sequence number may be negative. The reader uses the unsigned number with the same 32 bits.
//! - Flags may have fewer or more than 32 bits. Missing bits are zero, and bits after the 32nd are ignored.
//! - The delegation flag may be set without delegated credentials, as Kerberos.NET and gokrb5 do.
//! - A NegTokenInit or NegTokenResp may end with fields whose tag numbers are not defined yet.
//! - A NegTokenInit may have hints. Windows and other clients send a Kerberos token of a mechanism that is not the
//!   first of the list, or a token without framing.
//! - A NegTokenResp may have the framing of an initial token. Old clients of Sun send such a NegTokenResp.
//! - The context flags of a NegTokenInit are ignored, and so are the state and mechanism of a NegTokenResp.
//!
//! # Deviations that are refused, although other acceptors accept them
//! - Lengths with padding, which MIT krb5 and Heimdal accept. This crate compares names by their encodings, so every
//!   name must have exactly one encoding.
//! - Octets after a message, and unknown fields in Kerberos messages. The definitions of these messages do not allow
//!   such octets and fields, but MIT krb5 accepts them.
//! - Names and realms that are not UTF-8. MIT krb5 compares names as octets, but an identity of this crate is text.
//! - A NUL in a name. For a program in C, the name ends before the NUL.
//! - Microseconds above 999,999, which no client sends.
//! - Base64 without padding, or with unused bits that are not zero. So every token has exactly one header value.

pub(crate) mod certificate;
pub(crate) mod der;
pub(crate) mod gss;
pub(crate) mod header;
pub(crate) mod krb5;
pub(crate) mod mechanism;
pub(crate) mod ntlm;
pub(crate) mod oid;
pub(crate) mod spnego;
