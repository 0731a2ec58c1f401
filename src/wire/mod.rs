//! What comes over the wire, parsed and not believed: DER, GSS and SPNEGO framing, the messages of RFC 4120, certificates.
//!
//! Octets in, structures that borrow from them out. Nothing here decrypts, compares with a clock, or decides anything.

pub(crate) mod certificate;
pub(crate) mod der;
pub(crate) mod gss;
pub(crate) mod header;
pub(crate) mod krb5;
pub(crate) mod mechanism;
pub(crate) mod ntlm;
pub(crate) mod oid;
pub(crate) mod spnego;
