//! Runs as the script of `samba-tool user syncpasswords`, with one object in LDIF on standard input. If the first line
//! of the output begins with `DONE-EXIT:`, `samba-tool` continues with the next object. Otherwise `samba-tool` calls
//! the script with the same object again.

use super::node::Node;
use super::options::Options;
use seamless_phs::{Batch, ldif};
use std::error::Error;
use std::fmt::Display;
use std::io::Read as _;
use zeroize::Zeroizing;

/// Reads the object, and returns when the server has it.
pub(crate) async fn send(node: &Node, options: &Options) -> Result<(), Box<dyn Error + Send + Sync>> {
    let limit = u64::try_from(ldif::MAX_SIZE)?.saturating_add(1);
    let mut octets = Zeroizing::new(Vec::with_capacity(16 * 1024));
    std::io::stdin().take(limit).read_to_end(&mut octets)?;
    // For an object that cannot be sent, the script also prints `DONE-EXIT:`. Otherwise `samba-tool` would call the
    // script with this object for ever, and never with another object.
    let Ok(text) = std::str::from_utf8(&octets) else { return left_out(&"it is not UTF-8") };
    let change = match ldif::read(text, options.directory()) {
        Ok(change) => change,
        // The server needs no such object. A computer, for example, never signs in here with a password.
        Err(ldif::InvalidObject::NoUser) => return done("the object is no user"),
        Err(error) => return left_out(&error),
    };
    let records = vec![change.derive(options.parameters()?)];
    let batch = Batch { v: 1, source: options.id, cursor: None, records, left: 0, complete: None };
    let answer = node.send(&batch).await?;
    match answer.refused.first() {
        None => done("the server has the record"),
        Some(refused) => done(&format!("the server refuses the record: {}", refused.code)),
    }
}

fn left_out(error: &dyn Display) -> Result<(), Box<dyn Error + Send + Sync>> {
    tracing::error!("an object is left out: {error}");
    done(&format!("the object is left out: {error}"))
}

#[expect(clippy::unnecessary_wraps, reason = "every branch of the caller returns this result")]
fn done(what: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    println!("DONE-EXIT: {what}");
    Ok(())
}
