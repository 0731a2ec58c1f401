//! A refusal in full, as an administrator reads it.

use crate::text::write_wrapped;
use kerberos_sso::Error;
use serde_json::{Value, json};
use std::io::{self, Write};

pub(crate) fn write(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    writeln!(out, "  refused   {} (look at: {})", error.code(), error.blame())?;
    write_reason(out, error)
}

/// Writes why, and what to do.
pub(crate) fn write_reason(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    write_wrapped(out, "  because   ", &error.to_string())?;
    match error.remedy() {
        Some(remedy) => write_wrapped(out, "  remedy    ", &remedy.to_string()),
        None => Ok(()),
    }
}

/// Returns the refusal as an object.
pub(crate) fn json(error: &Error) -> Value {
    json!({
        "code": error.code(),
        "blame": error.blame().to_string(),
        "message": error.to_string(),
        "remedy": error.remedy().map(|remedy| remedy.to_string()),
    })
}
