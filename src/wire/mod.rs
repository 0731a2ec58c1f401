//! What comes over the wire, parsed and not yet believed: DER, the framing of GSS-API and SPNEGO, the messages of RFC
//! 4120, and certificates.
//!
//! Octets go in, and structures that borrow from them come out. Nothing here decrypts, compares with a clock, or
//! decides.

pub(crate) mod certificate;
pub(crate) mod der;
pub(crate) mod gss;
pub(crate) mod header;
pub(crate) mod krb5;
pub(crate) mod mechanism;
pub(crate) mod ntlm;
pub(crate) mod oid;
pub(crate) mod spnego;
