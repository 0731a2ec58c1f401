//! The code that the fuzz targets share: the messages around the fuzzed octets, and the invariants of every verdict.
//!
//! A violated invariant panics, and libFuzzer reports the panic with its input.

pub mod allocated;
pub mod ccache;
pub mod claims;
pub mod der;
pub mod input;
pub mod keytab;
pub mod logon_info;
pub mod pac;
pub mod printed;
pub mod rc4_token;
pub mod rfc4121_token;
pub mod server;
pub mod stated;
pub mod verdict;
