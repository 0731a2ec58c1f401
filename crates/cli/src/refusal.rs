//! Prints a refusal for an administrator: the code, the reason and the remedy.

use crate::text::write_wrapped;
use kerberos_sso::Error;
use serde_json::{Value, json};
use std::io::{self, Write};

pub(crate) fn write(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    writeln!(out, "  refused   {} (look at: {})", error.code(), error.blame())?;
    write_reason(out, error)
}

/// Writes the reason and the remedy.
pub(crate) fn write_reason(out: &mut dyn Write, error: &Error) -> io::Result<()> {
    write_wrapped(out, "  because   ", &error.to_string())?;
    match error.remedy() {
        Some(remedy) => write_wrapped(out, "  remedy    ", &remedy.to_string()),
        None => Ok(()),
    }
}

/// Returns the refusal as a JSON object.
pub(crate) fn json(error: &Error) -> Value {
    json!({
        "code": error.code(),
        "blame": error.blame().to_string(),
        "message": error.to_string(),
        "remedy": error.remedy().map(|remedy| remedy.to_string()),
    })
}
